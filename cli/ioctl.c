// SPDX-License-Identifier: GPL-2.0
/* ioctl: any ioctl on any node, several in a row on one open file. */

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <tandem.h>

#include "cli.h"

#define BUFFER_MAX	(64 * 1024 * 1024)

/**
 * struct call - one ioctl
 * @text: the code as it was given
 * @code: the code
 * @is_control: it is one for TANDEM_IOC_DEVICE_CONTROL
 * @has_arg: the argument is the integer @arg
 * @has_out: @out was given
 * @has_size: @size was given
 * @has_input: @input was given
 * @arg: the integer
 * @out: bytes of the buffer to be shown
 * @size: bytes of the buffer
 * @input: what the buffer begins with
 */
struct call {
	const char *text;
	uint32_t code;
	bool is_control;
	bool has_arg;
	bool has_out;
	bool has_size;
	bool has_input;
	uint64_t arg;
	uint64_t out;
	uint64_t size;
	struct bytes input;
};

/**
 * struct script - what the command line asks for
 * @node: the node
 * @flags: to open it with
 * @keep_going: go on after a failure
 * @stdin_used: a call takes standard input
 * @calls: the calls
 * @count: how many
 */
struct script {
	const char *node;
	int flags;
	bool keep_going;
	bool stdin_used;
	struct call *calls;
	size_t count;
};

static size_t code_size(uint32_t code)
{
	return _IOC_DIR(code) == _IOC_NONE ? 0 : _IOC_SIZE(code);
}

static bool parse_integer(const struct cli *cli, const char *text, uint64_t *value)
{
	bool negative = *text == '-';

	if (!read_number(text + negative, value) ||
	    (negative && *value > (uint64_t)INT64_MAX + 1)) {
		complain_usage(cli, "'%s' is no integer for an argument.", text);
		return false;
	}
	if (negative)
		*value = -*value;
	return true;
}

/* What was given must fit together, and what was not given follows from the code. */
static bool complete_call(const struct cli *cli, struct call *call)
{
	size_t size = code_size(call->code);
	bool has_buffer = call->has_input || call->has_out || call->has_size;

	if (call->has_arg && has_buffer) {
		complain_usage(cli,
			       "'%s' gets an integer or a buffer (--in, --out, --size), not both.",
			       call->text);
		return false;
	}
	if (call->is_control)
		return true;
	if (!has_buffer && (call->has_arg || !size))
		return true;
	if (!call->has_size) {
		call->size = size > call->input.len ? size : call->input.len;
		if (call->has_out && call->out > call->size)
			call->size = call->out;
		call->has_size = true;
	}
	if (!call->has_out && _IOC_DIR(call->code) & _IOC_READ)
		call->out = size < call->size ? size : call->size;
	if (call->input.len > call->size || call->out > call->size) {
		complain_usage(cli, "'%s': --size %ju is less than --in or --out.", call->text,
			       (uintmax_t)call->size);
		return false;
	}
	return true;
}

static bool parse_in(const struct cli *cli, struct script *script, struct call *call,
		     const char *text)
{
	if (!strcmp(text, "-")) {
		if (script->stdin_used) {
			complain_usage(cli, "--in: standard input can be read only once.");
			return false;
		}
		script->stdin_used = true;
	}
	call->has_input = true;
	return parse_bytes(cli, "--in", text, &call->input);
}

static bool parse_control(const struct cli *cli, struct call *call, const char *text)
{
	uint64_t code;

	if (!parse_number(cli, "--device-control", text, 0, UINT32_MAX, &code))
		return false;
	call->text = text;
	call->code = (uint32_t)code;
	call->is_control = true;
	return true;
}

/* One option of a call, or, in the first of them, of the script. */
static bool parse_option(const struct cli *cli, struct script *script, struct call *call, int c)
{
	switch (c) {
	case 'a':
		call->has_arg = true;
		return parse_integer(cli, optarg, &call->arg);
	case 'd':
		return parse_control(cli, call, optarg);
	case 'i':
		return parse_in(cli, script, call, optarg);
	case 'o':
		call->has_out = true;
		return parse_size(cli, "--out", optarg, BUFFER_MAX, &call->out);
	case 's':
		call->has_size = true;
		return parse_size(cli, "--size", optarg, BUFFER_MAX, &call->size);
	case 'k':
		script->keep_going = true;
		return true;
	default:
		if (script->flags != O_RDWR && script->flags != (c == 'R' ? O_RDONLY : O_WRONLY)) {
			complain_usage(cli,
				       "--read-only and --write-only exclude each other.");
			return false;
		}
		script->flags = c == 'R' ? O_RDONLY : O_WRONLY;
		return true;
	}
}

/* The arguments of a call: CODE and perhaps ARG, or nothing with --device-control. */
static bool parse_call_arguments(const struct cli *cli, int argc, char **argv, struct call *call)
{
	const char *wrong;

	if (call->is_control && call->has_size) {
		complain_usage(cli, "--size is not for --device-control: --out is all it takes.");
		return false;
	}
	if (call->is_control && call->has_arg) {
		complain_usage(cli, "--arg is not for --device-control: it takes --in and --out.");
		return false;
	}
	if (call->is_control)
		return check_arguments(cli, argc, argv, 0, 0, "");
	if (!check_arguments(cli, argc, argv, 1, 2, "CODE"))
		return false;
	call->text = argv[optind];
	wrong = parse_code(call->text, &call->code);
	if (wrong) {
		complain_usage(cli, "'%s' is no code of an ioctl: %s.", call->text, wrong);
		return false;
	}
	if (optind + 1 == argc)
		return true;
	if (call->has_arg) {
		complain_usage(cli, "'%s' and --arg are two arguments; give one of them.",
			       argv[optind + 1]);
		return false;
	}
	call->has_arg = true;
	return parse_integer(cli, argv[optind + 1], &call->arg);
}

/* argv[0] is the command, or the "--" before the call. Returns -1, or what to exit with. */
static int parse_call(struct cli *cli, int argc, char **argv, struct script *script,
		      struct call *call)
{
	static const struct option longs[] = {
		{ "arg", required_argument, NULL, 'a' },
		{ "device-control", required_argument, NULL, 'd' },
		{ "in", required_argument, NULL, 'i' },
		{ "out", required_argument, NULL, 'o' },
		{ "size", required_argument, NULL, 's' },
		{ "keep-going", no_argument, NULL, 'k' },
		{ "read-only", no_argument, NULL, 'R' },
		{ "readonly", no_argument, NULL, 'R' },
		{ "write-only", no_argument, NULL, 'W' },
		{ NULL, 0, NULL, 0 }
	};
	int c;

	optind = 0;
	while ((c = next_option(cli, argc, argv, "a:d:i:o:s:kRW", longs)) != -1) {
		if (!strchr("adioskRW", c))
			return option_status(c);
		if (!parse_option(cli, script, call, c))
			return STATUS_USAGE;
	}
	if (!script->node) {
		if (!check_arguments(cli, argc, argv, 1, 3, "NODE"))
			return STATUS_USAGE;
		script->node = argv[optind++];
	}
	if (!parse_call_arguments(cli, argc, argv, call) || !complete_call(cli, call))
		return STATUS_USAGE;
	return -1;
}

static int parse_script(struct cli *cli, int argc, char **argv, struct script *script)
{
	int start = 0;

	script->calls = calloc((size_t)argc, sizeof(*script->calls));
	if (!script->calls)
		no_memory();
	for (int i = 1; i <= argc; i++) {
		int status;

		if (i < argc && strcmp(argv[i], "--"))
			continue;
		status = parse_call(cli, i - start, argv + start, script,
				    &script->calls[script->count++]);
		if (status >= 0)
			return status;
		start = i;
	}
	return -1;
}

/**
 * struct outcome - what became of a call
 * @result: what it returned, or -1
 * @error: errno, or 0
 * @data: bytes that came out
 * @len: how many
 */
struct outcome {
	long result;
	int error;
	const unsigned char *data;
	size_t len;
};

static void print_outcome(struct cli *cli, const struct call *call, size_t number,
			  const struct outcome *outcome)
{
	struct json_object *result = new_object();
	const char *error_name = strerrorname_np(outcome->error) ?: "unknown";

	put_int(result, "call", number);
	put_string(result, "request", call->text);
	put_int(result, "code", call->code);
	put_bool(result, "device_control", call->is_control);
	if (outcome->error) {
		put_object(result, "result", json_object_new_int(-1));
		put_string(result, "errno", error_name);
		put_string(result, "error", strerror(outcome->error));
	} else {
		put_int(result, "result", (uint64_t)outcome->result);
	}
	put_int(result, "len", outcome->len);
	put_hex(result, "data", outcome->data, outcome->len);

	if (cli->json) {
		out_json(cli, result);
	} else {
		out_text(cli, "%s%s = %ld", call->is_control ? "device-control " : "", call->text,
			 outcome->result);
		if (outcome->error)
			out_text(cli, " %s (%s)", error_name, strerror(outcome->error));
		if (outcome->len)
			out_text(cli, ", %zu bytes: %s", outcome->len, get_string(result, "data"));
		out_text(cli, "\n");
	}
	json_object_put(result);
}

static void call_control(int fd, const struct call *call, const struct guarded *in,
			 const struct guarded *out, struct outcome *outcome)
{
	size_t returned = 0;
	int ret = tandem_control(fd, call->code, in->len ? in->data : NULL, in->len,
				 out->len ? out->data : NULL, out->len, &returned);

	outcome->result = ret < 0 ? -1 : ret;
	outcome->error = ret < 0 ? -ret : 0;
	outcome->data = out->data;
	outcome->len = returned < out->len ? returned : out->len;
}

static void call_ioctl(int fd, const struct call *call, const struct guarded *buffer,
		       struct outcome *outcome)
{
	unsigned long arg = call->has_size ? (unsigned long)buffer->data :
					     (unsigned long)call->arg;

	outcome->result = ioctl(fd, call->code, arg);
	outcome->error = outcome->result < 0 ? errno : 0;
	outcome->data = buffer->data;
	/* What a failed call left in its buffer means something only to who asked for it. */
	outcome->len = outcome->error && !call->has_out ? 0 : call->out;
}

static int do_call(struct cli *cli, int fd, const struct call *call, size_t number)
{
	struct guarded in = { .len = 0 };
	struct guarded out = { .len = 0 };
	struct outcome outcome;
	int ret;

	if (call->is_control) {
		ret = guard_alloc(&in, call->input.len, &call->input);
		if (!ret)
			ret = guard_alloc(&out, call->out, NULL);
	} else {
		ret = guard_alloc(&in, call->size, &call->input);
	}
	if (ret)
		no_memory();

	if (call->is_control)
		call_control(fd, call, &in, &out, &outcome);
	else
		call_ioctl(fd, call, &in, &outcome);
	print_outcome(cli, call, number, &outcome);
	/* The next call may wait for long. */
	out_flush(cli);
	guard_free(&in);
	guard_free(&out);
	return outcome.error ? STATUS_FAILED : STATUS_OK;
}

static int do_script(struct cli *cli, const struct script *script)
{
	int fd = tandem_open(script->node, script->flags);
	int status = STATUS_OK;

	if (fd < 0)
		return open_failed(cli, script->node, script->flags, fd);
	for (size_t i = 0; i < script->count; i++) {
		if (do_call(cli, fd, &script->calls[i], i + 1))
			status = STATUS_FAILED;
		if (status && !script->keep_going)
			break;
	}
	close(fd);
	return status;
}

static int run_ioctl(struct cli *cli, int argc, char **argv)
{
	struct script script = { .flags = O_RDWR };
	int status = parse_script(cli, argc, argv, &script);

	if (status < 0)
		status = do_script(cli, &script);
	for (size_t i = 0; i < script.count; i++)
		free(script.calls[i].input.data);
	free(script.calls);
	return status;
}

const struct command command_ioctl = {
	.name = "ioctl",
	.usage = "[--keep-going] [--read-only|--write-only] NODE CALL [-- CALL]...",
	.summary = "make any ioctl on any node",
	.help =
	"Opens NODE (a device's name, or a path with a slash in it), makes the calls on it in\n"
	"order, and prints for each what it returned, errno's name if it failed, and the bytes\n"
	"that came out, in hex. Nothing is opened before all calls are understood.\n"
	"\n"
	"A CALL is one of\n"
	"  CODE [ARG]                   the argument is an integer, 0 without one\n"
	"  CODE [--in INPUT] [--out N]  the argument points to a buffer\n"
	"  --device-control CODE [--in INPUT] [--out N]\n"
	"                               TANDEM_IOC_DEVICE_CONTROL with this code\n"
	"and the next one stands after a --. CODE is a number, or an expression as in C:\n"
	"_IO('N',0x80), _IOR, _IOW or _IOWR('N',0x80,SIZE), where SIZE is a number or a type such\n"
	"as u8, u16, u32, u64, int, long. Quote it: the parentheses mean something to the shell.\n"
	"\n"
	"A code that carries a direction and a size gets a buffer of that size without being\n"
	"asked; what --in does not fill is zero, and what comes out is shown if it is an _IOR or\n"
	"_IOWR. The buffer ends at a page that nobody may touch: a kernel that uses more than the\n"
	"buffer gets EFAULT.\n"
	"\n"
	"Options of a call:\n"
	"  -i, --in INPUT           hex digits, @FILE, or - for standard input\n"
	"  -o, --out N              show so many bytes of the buffer, also after a failure;\n"
	"                           for --device-control: the room for the output\n"
	"  -s, --size N             the buffer has exactly so many bytes\n"
	"  -a, --arg N              as ARG; may be negative\n"
	"  -d, --device-control CODE\n"
	"Options of all:\n"
	"  -k, --keep-going         go on after a call that failed; the status is 1 in the end\n"
	"  -R, --read-only          open NODE for reading only; otherwise for both\n"
	"  -W, --write-only         open NODE for writing only\n"
	"  -j, --json               JSON lines, one for each call\n"
	"  -p, --pretty             the same, indented\n"
	"\n"
	"Examples:\n"
	"  What the generator's status says (an _IOR shows its bytes by itself):\n"
	"    tandemctl ioctl gen \"_IOR(0xd8,4,48)\"\n"
	"  DeviceIoControl: code 1 of the generator gives back what it gets:\n"
	"    tandemctl ioctl gen --device-control 1 --in 'de ad be ef' --out 16\n"
	"  Two calls on one open file: stop, then status, even if stop should fail:\n"
	"    tandemctl ioctl --keep-going gen \"_IO(0xd8,2)\" -- \"_IOR(0xd8,4,48)\"",
	.run = run_ioctl,
};
