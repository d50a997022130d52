// SPDX-License-Identifier: GPL-2.0
/* The peer that BPF is: a ring, filled by programs at the tracepoint tandem_bench. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct ring {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
};

struct ring shared SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct ring);
} of_cpu SEC(".maps");

/*
 * BPF_RB_NO_WAKEUP, or 0: the consumer is woken if it had read all. Written before loading, so that
 * it is a constant for the verifier, but not for the compiler.
 */
SEC(".rodata") __u64 flags;

/* Words, for what may be unaligned is copied byte by byte. */
__u64 payload[512];

/* The compiler has no memcpy() to call, and unrolls no more than 1 KiB at a time. */
static __always_inline void fill(__u64 *record, __u32 size)
{
	__u32 at;

#pragma unroll
	for (at = 0; at + 1024 <= size; at += 1024)
		__builtin_memcpy(record + at / 8, payload + at / 8, 1024);
	if (size < 1024)
		__builtin_memcpy(record, payload, size);
}

static __always_inline int post(void *ring, __u32 size)
{
	__u64 *record = bpf_ringbuf_reserve(ring, size, 0);

	if (!record)
		return 0;
	fill(record, size);
	bpf_ringbuf_submit(record, flags);
	return 0;
}

static __always_inline int post_of_cpu(__u32 size)
{
	__u32 cpu = bpf_get_smp_processor_id();
	void *ring = bpf_map_lookup_elem(&of_cpu, &cpu);

	return ring ? post(ring, size) : 0;
}

SEC("raw_tp/tandem_bench")
int nothing(void *ctx)
{
	return 0;
}

SEC("raw_tp/tandem_bench")
int reserve_16(void *ctx)
{
	return post(&shared, 16);
}

SEC("raw_tp/tandem_bench")
int reserve_64(void *ctx)
{
	return post(&shared, 64);
}

SEC("raw_tp/tandem_bench")
int reserve_256(void *ctx)
{
	return post(&shared, 256);
}

SEC("raw_tp/tandem_bench")
int reserve_4096(void *ctx)
{
	return post(&shared, 4096);
}

SEC("raw_tp/tandem_bench")
int cpu_16(void *ctx)
{
	return post_of_cpu(16);
}

SEC("raw_tp/tandem_bench")
int cpu_64(void *ctx)
{
	return post_of_cpu(64);
}

SEC("raw_tp/tandem_bench")
int cpu_256(void *ctx)
{
	return post_of_cpu(256);
}

SEC("raw_tp/tandem_bench")
int cpu_4096(void *ctx)
{
	return post_of_cpu(4096);
}

SEC("raw_tp/tandem_bench")
int output_16(void *ctx)
{
	return bpf_ringbuf_output(&shared, payload, 16, flags);
}

SEC("raw_tp/tandem_bench")
int output_64(void *ctx)
{
	return bpf_ringbuf_output(&shared, payload, 64, flags);
}

SEC("raw_tp/tandem_bench")
int output_256(void *ctx)
{
	return bpf_ringbuf_output(&shared, payload, 256, flags);
}

SEC("raw_tp/tandem_bench")
int output_4096(void *ctx)
{
	return bpf_ringbuf_output(&shared, payload, 4096, flags);
}

char _license[] SEC("license") = "GPL";
