// SPDX-License-Identifier: GPL-2.0
/* The number of an ioctl, as it stands in a header. */

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <linux/ioctl.h>

#include "cli.h"

static const struct form {
	const char *name;
	unsigned int direction;
	bool sized;
} forms[] = {
	{ "_IO", _IOC_NONE, false },
	{ "_IOR", _IOC_READ, true },
	{ "_IOW", _IOC_WRITE, true },
	{ "_IOWR", _IOC_READ | _IOC_WRITE, true },
};

static const struct type {
	const char *name;
	size_t size;
} types[] = {
	{ "char", sizeof(char) },
	{ "signed char", sizeof(char) },
	{ "unsigned char", sizeof(char) },
	{ "short", sizeof(short) },
	{ "unsigned short", sizeof(short) },
	{ "int", sizeof(int) },
	{ "unsigned", sizeof(int) },
	{ "unsigned int", sizeof(int) },
	{ "long", sizeof(long) },
	{ "unsigned long", sizeof(long) },
	{ "long long", sizeof(long long) },
	{ "unsigned long long", sizeof(long long) },
	{ "size_t", sizeof(size_t) },
	{ "void *", sizeof(void *) },
	{ "u8", 1 }, { "__u8", 1 }, { "uint8_t", 1 },
	{ "s8", 1 }, { "__s8", 1 }, { "int8_t", 1 },
	{ "u16", 2 }, { "__u16", 2 }, { "uint16_t", 2 },
	{ "s16", 2 }, { "__s16", 2 }, { "int16_t", 2 },
	{ "u32", 4 }, { "__u32", 4 }, { "uint32_t", 4 },
	{ "s32", 4 }, { "__s32", 4 }, { "int32_t", 4 },
	{ "u64", 8 }, { "__u64", 8 }, { "uint64_t", 8 },
	{ "s64", 8 }, { "__s64", 8 }, { "int64_t", 8 },
};

/* Without the blanks at both ends. Cuts the text. */
static char *trim(char *text)
{
	char *end;

	while (isspace((unsigned char)*text))
		text++;
	end = text + strlen(text);
	while (end > text && isspace((unsigned char)end[-1]))
		end--;
	*end = '\0';
	return text;
}

static bool read_magic(const char *text, uint64_t *value)
{
	if (text[0] == '\'' && text[1] && text[1] != '\'' && text[2] == '\'' && !text[3]) {
		*value = (unsigned char)text[1];
		return true;
	}
	return read_number(text, value) && *value <= _IOC_TYPEMASK;
}

static bool read_type_size(const char *text, uint64_t *value)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (!strcmp(types[i].name, text)) {
			*value = types[i].size;
			return true;
		}
	return read_number(text, value) && *value <= _IOC_SIZEMASK;
}

/* The parts between the commas; the comma may itself be the magic: ','. */
static size_t split(char *text, char **parts, size_t max)
{
	size_t count = 0;
	char *start = text;

	for (char *p = text;; p++) {
		if (*p == '\'' && p[1] && p[2] == '\'') {
			p += 2;
			continue;
		}
		if (*p && *p != ',')
			continue;
		if (count < max)
			parts[count] = start;
		count++;
		if (!*p)
			break;
		*p = '\0';
		start = p + 1;
	}
	for (size_t i = 0; i < count && i < max; i++)
		parts[i] = trim(parts[i]);
	return count;
}

static const char *parse_parts(const struct form *form, char *inside, uint32_t *code)
{
	char *parts[3];
	uint64_t magic;
	uint64_t number;
	uint64_t size = 0;

	if (split(inside, parts, ARRAY_SIZE(parts)) != (form->sized ? 3 : 2))
		return form->sized ? "it takes a magic, a number and a size" :
				     "it takes a magic and a number";
	if (!read_magic(parts[0], &magic))
		return "the magic is neither a character such as 'N' nor a number up to 255";
	if (!read_number(parts[1], &number) || number > _IOC_NRMASK)
		return "the number is not one from 0 to 255";
	if (form->sized && !read_type_size(parts[2], &size))
		return "the size is neither a number up to 16383 nor a type such as u32 or int";
	*code = (uint32_t)_IOC(form->direction, magic, number, size);
	return NULL;
}

static const char *parse_expression(char *text, uint32_t *code)
{
	char *open = strchr(text, '(');
	size_t len = strlen(text);

	if (!open)
		return "it is neither a number nor _IO, _IOR, _IOW or _IOWR with parentheses";
	if (text[len - 1] != ')')
		return "the closing parenthesis is missing";
	text[len - 1] = '\0';
	*open = '\0';
	text = trim(text);
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		if (!strcmp(forms[i].name, text))
			return parse_parts(&forms[i], open + 1, code);
	return "before the parenthesis stands none of _IO, _IOR, _IOW and _IOWR";
}

const char *parse_code(const char *text, uint32_t *code)
{
	const char *wrong;
	uint64_t number;
	char *copy;

	if (read_number(text, &number)) {
		if (number > UINT32_MAX)
			return "it has more than 32 bits";
		*code = (uint32_t)number;
		return NULL;
	}
	copy = strdup(text);
	if (!copy)
		no_memory();
	wrong = parse_expression(trim(copy), code);
	free(copy);
	return wrong;
}
