// SPDX-License-Identifier: GPL-2.0
/* Answers of one command that runs all the time: an object of JSON on a line each way. */

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "answer.h"
#include "cli.h"

int answerer_start(struct answerer *answerer, char **command)
{
	int to[2], from[2], ret;

	if (pipe2(to, O_CLOEXEC))
		return -errno;
	if (pipe2(from, O_CLOEXEC)) {
		ret = -errno;
		close(to[0]);
		close(to[1]);
		return ret;
	}
	ret = answerer_spawn(command, to[0], from[1]);
	close(to[0]);
	close(from[1]);
	answerer->in = to[1];
	answerer->out = fdopen(from[0], "r");
	if (!answerer->out)
		no_memory();
	if (ret)
		answerer_stop(answerer);
	return ret;
}

void answerer_stop(struct answerer *answerer)
{
	if (answerer->in < 0)
		return;
	/* It reads the end, and has no reason to stay; whoever does not look there is told. */
	close(answerer->in);
	answerer->in = -1;
	answerer_interrupt();
	fclose(answerer->out);
	answerer_wait();
}

static struct json_object *describe(const struct tandem_request *request)
{
	struct json_object *object = new_object();

	put_string(object, "op", operation_name(request));
	put_int(object, "file", request->file);
	put_int(object, "offset", request->offset);
	put_int(object, "code", request->code);
	put_int(object, "len", request->out_len);
	put_int(object, "pid", request->pid);
	put_int(object, "uid", request->uid);
	put_int(object, "gid", request->gid);
	put_hex(object, "data", request->in, request->in_len);
	return object;
}

/* Return: false: it does not read any more. */
static bool send_line(const struct answerer *answerer, struct json_object *object)
{
	size_t left;
	const char *text = json_object_to_json_string_length(object, JSON_C_TO_STRING_PLAIN, &left);

	while (left) {
		ssize_t written = write(answerer->in, text, left);

		if (written < 0 && errno != EINTR)
			return false;
		if (written > 0) {
			text += written;
			left -= (size_t)written;
		}
	}
	return write(answerer->in, "\n", 1) == 1;
}

/* The next line of it, or NULL. A signal ends it, too, so that this ends. */
static char *receive_line(const struct answerer *answerer)
{
	char *line = NULL;
	size_t size = 0;

	errno = 0;
	while (getline(&line, &size, answerer->out) < 0) {
		if (errno != EINTR || feof(answerer->out)) {
			free(line);
			return NULL;
		}
		clearerr(answerer->out);
		errno = 0;
	}
	return line;
}

static int64_t no_answer(const struct answerer *answerer, const char *line)
{
	complain(answerer->cli, STATUS_FAILED, "This is no answer, so the client gets EIO: %.*s.",
		 (int)strcspn(line, "\n"), line);
	return -EIO;
}

static int64_t understand(const struct answerer *answerer, struct tandem_request *request,
			  const char *line, struct json_object *object)
{
	struct json_object *result;
	struct bytes data = { .len = 0 };
	const char *text = get_string(object, "error");
	int64_t ret;

	if (text) {
		ret = read_errno(text);
		return ret ? -ret : no_answer(answerer, line);
	}
	text = get_string(object, "data");
	if (text && read_hex(text, &data) >= 0)
		ret = no_answer(answerer, line);
	else if (request->op == TANDEM_OP_LSEEK)
		ret = 0;
	else
		ret = answer_output(answerer, request, data.data ?: (unsigned char *)"", data.len);
	free(data.data);
	if (ret >= 0 && request->op != TANDEM_OP_READ &&
	    json_object_object_get_ex(object, "result", &result))
		ret = json_object_get_int64(result);
	return ret;
}

int64_t answer_by_line(struct answerer *answerer, struct tandem_request *request)
{
	struct json_object *object = describe(request);
	bool sent = send_line(answerer, object);
	char *line = sent ? receive_line(answerer) : NULL;
	int64_t ret;

	json_object_put(object);
	if (!line && serve_stopped())
		return -EIO;
	if (!line) {
		answerer->failed = true;
		complain(answerer->cli, STATUS_FAILED, "The command has ended, and cannot answer.");
		return -EIO;
	}
	object = json_tokener_parse(line);
	ret = json_object_is_type(object, json_type_object) ?
	      understand(answerer, request, line, object) :
	      no_answer(answerer, line);
	json_object_put(object);
	free(line);
	return ret;
}
