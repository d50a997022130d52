// SPDX-License-Identifier: GPL-2.0
/*
 * A configuration file's text, made fit for libconfuse, which loses count of lines at comments,
 * takes none within a list, and is content when a file ends within a string, a comment or a
 * section.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config.h"

#define TEXT_SIZE_MAX	(1024 * 1024)
#define DEPTH_MAX	8

static int read_all(struct config *config, const char *file, FILE *in, char **text)
{
	struct stat st;
	size_t len;

	if (fstat(fileno(in), &st))
		return config_fail(config, file, 0, "cannot be read: %s", strerror(errno));
	if (S_ISDIR(st.st_mode))
		return config_fail(config, file, 0, "expected a file, found a directory");
	*text = malloc(TEXT_SIZE_MAX + 1);
	if (!*text)
		return config_fail(config, file, 0, "cannot be read: %s", strerror(ENOMEM));
	len = fread(*text, 1, TEXT_SIZE_MAX, in);
	if (ferror(in))
		return config_fail(config, file, 0, "cannot be read: %s", strerror(errno));
	if (len == TEXT_SIZE_MAX)
		return config_fail(config, file, 0, "expected less than %d bytes", TEXT_SIZE_MAX);
	(*text)[len] = '\0';

	if (memchr(*text, '\0', len)) {
		int line = 1;

		for (const char *c = *text; *c; c++)
			line += *c == '\n';
		return config_fail(config, file, line, "expected text, found a NUL byte");
	}
	return 0;
}

static char *blank(char *from, const char *to, int *line)
{
	for (; from < to; from++) {
		if (*from == '\n')
			++*line;
		else
			*from = ' ';
	}
	return from;
}

/* Behind the string's closing quote, or NULL if there is none. */
static char *skip_string(char *at, int *line)
{
	char quote = *at++;

	for (; *at && *at != quote; at++) {
		if (*at == '\\' && at[1])
			at++;
		*line += *at == '\n';
	}
	return *at ? at + 1 : NULL;
}

static int clean(struct config *config, const char *file, char *text)
{
	int opened[DEPTH_MAX];
	int depth = 0;
	int line = 1;
	bool in_word = false;

	for (char *at = text; *at;) {
		int begun = line;
		char *end;

		if (*at == '#' || (!in_word && at[0] == '/' && at[1] == '/')) {
			at = blank(at, at + strcspn(at, "\n"), &line);
			continue;
		}
		if (!in_word && at[0] == '/' && at[1] == '*') {
			end = strstr(at + 2, "*/");
			if (!end)
				return config_fail(config, file, begun,
						   "expected */ to end the comment begun here");
			at = blank(at, end + 2, &line);
			continue;
		}
		if (*at == '"' || *at == '\'') {
			char quote = *at;

			at = skip_string(at, &line);
			if (!at)
				return config_fail(config, file, begun,
						   "expected %c to end the string begun here",
						   quote);
			in_word = false;
			continue;
		}
		if (*at == '{') {
			if (depth == DEPTH_MAX)
				return config_fail(config, file, line, "expected fewer braces");
			opened[depth++] = line;
		} else if (at[0] == '+' && at[1] == '=') {
			/* It would add to nothing, each file being read by itself. */
			return config_fail(config, file, line, "expected =, found +=");
		} else if (*at == '}' && --depth < 0) {
			return config_fail(config, file, line,
					   "expected an option or section, found } without its {");
		}
		line += *at == '\n';
		in_word = !strchr(" \t\r\n={}()+,", *at);
		at++;
	}
	if (depth)
		return config_fail(config, file, opened[depth - 1],
				   "expected } to match the { in this line");
	return 0;
}

int config_read_text(struct config *config, const char *file, char **text)
{
	FILE *in = fopen(file, "re");
	int ret;

	*text = NULL;
	if (!in)
		return config_fail(config, file, 0, "cannot be read: %s", strerror(errno));
	ret = read_all(config, file, in, text);
	fclose(in);
	return ret ? ret : clean(config, file, *text);
}
