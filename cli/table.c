// SPDX-License-Identifier: GPL-2.0
/* Tables. */

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

/* Columns on the screen: bytes that continue a character of UTF-8 take none. */
static int width_of(const char *text)
{
	int width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

static void print_cell(struct cli *cli, const struct column *column, const char *text, int width,
		       bool last)
{
	int blanks = width - width_of(text);

	if (column->right)
		out_text(cli, "%*s%s", blanks, "", text);
	else
		out_text(cli, "%s%*s", text, last ? 0 : blanks, "");
	out_text(cli, "%s", last ? "\n" : "  ");
}

void print_table(struct cli *cli, const struct column *columns, size_t count,
		 struct json_object *rows)
{
	size_t rows_count = json_object_array_length(rows);
	char **cells = calloc(rows_count * count + 1, sizeof(*cells));
	int *widths = calloc(count, sizeof(*widths));

	if (!cells || !widths)
		no_memory();
	for (size_t i = 0; i < count; i++)
		widths[i] = width_of(columns[i].title);
	for (size_t i = 0; i < rows_count * count; i++) {
		struct json_object *row = json_object_array_get_idx(rows, i / count);
		int width;

		cells[i] = value_text(json_object_object_get(row, columns[i % count].key), false);
		width = width_of(cells[i]);
		if (width > widths[i % count])
			widths[i % count] = width;
	}
	for (size_t i = 0; i < count; i++)
		print_cell(cli, &columns[i], columns[i].title, widths[i], i == count - 1);
	for (size_t i = 0; i < rows_count * count; i++) {
		print_cell(cli, &columns[i % count], cells[i], widths[i % count],
			   i % count == count - 1);
		free(cells[i]);
	}
	free(widths);
	free(cells);
}
