// SPDX-License-Identifier: GPL-2.0
/* Codes of ioctls, numbers and hex as tandemctl reads them. */

#include <linux/tandem.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "cli.h"
#include "kselftest_harness.h"

#define EXPECT_CODE(text, want) \
do { \
	const char *given = (text); \
	uint32_t code = 0; \
	EXPECT_EQ(NULL, parse_code(given, &code)) \
		TH_LOG("%s", given); \
	EXPECT_EQ((uint32_t)(want), code) \
		TH_LOG("%s", given); \
} while (0)

#define EXPECT_REFUSED(text, part) \
do { \
	const char *given = (text); \
	uint32_t code = 0; \
	const char *wrong = parse_code(given, &code); \
	EXPECT_NE(NULL, wrong) \
		TH_LOG("'%s' was taken as %#x", given, code); \
	if (wrong) \
		EXPECT_NE(NULL, strstr(wrong, part)) \
			TH_LOG("'%s': %s", given, wrong); \
} while (0)

TEST(numbers)
{
	EXPECT_CODE("0", 0);
	EXPECT_CODE("21505", 21505);
	EXPECT_CODE("0x5401", TCGETS);
	EXPECT_CODE("0xFFFFFFFF", UINT32_MAX);
	EXPECT_CODE("4294967295", UINT32_MAX);
}

TEST(expressions)
{
	EXPECT_CODE("_IO('N',0x80)", _IO('N', 0x80));
	EXPECT_CODE("_IO(0xd8,2)", TANDEM_GEN_IOC_STOP);
	EXPECT_CODE("_IOR(0xd8,4,48)", TANDEM_GEN_IOC_STATUS);
	EXPECT_CODE("_IOW('N',0x80,8)", _IOW('N', 0x80, __u64));
	EXPECT_CODE("_IOWR('N',0x80,8)", _IOWR('N', 0x80, __u64));
	EXPECT_CODE("_IOWR(0xd8,1,0)", _IOC(_IOC_READ | _IOC_WRITE, 0xd8, 1, 0));
	EXPECT_CODE("_IOR(255,255,16383)", _IOC(_IOC_READ, 255, 255, 16383));
}

TEST(blanks_and_odd_characters)
{
	EXPECT_CODE("  _IOWR ( 'N' ,\t0x80 , u64 )  ", _IOWR('N', 0x80, __u64));
	EXPECT_CODE("_IO(',',1)", _IO(',', 1));
	EXPECT_CODE("_IO('(',1)", _IO('(', 1));
	EXPECT_CODE("_IO(')',1)", _IO(')', 1));
	EXPECT_CODE("_IO('1',1)", _IO('1', 1));
	EXPECT_CODE("_IO(' ',1)", _IO(' ', 1));
	EXPECT_CODE("_IO('\xd7',1)", _IO(0xd7, 1));
}

TEST(types)
{
	EXPECT_CODE("_IOR('x',1,char)", _IOR('x', 1, char));
	EXPECT_CODE("_IOR('x',1,u8)", _IOR('x', 1, __u8));
	EXPECT_CODE("_IOR('x',1,u16)", _IOR('x', 1, __u16));
	EXPECT_CODE("_IOR('x',1,u32)", _IOR('x', 1, __u32));
	EXPECT_CODE("_IOR('x',1,u64)", _IOR('x', 1, __u64));
	EXPECT_CODE("_IOR('x',1,s64)", _IOR('x', 1, __s64));
	EXPECT_CODE("_IOR('x',1,__u32)", _IOR('x', 1, __u32));
	EXPECT_CODE("_IOR('x',1,uint16_t)", _IOR('x', 1, uint16_t));
	EXPECT_CODE("_IOR('x',1,int)", _IOR('x', 1, int));
	EXPECT_CODE("_IOR('x',1,unsigned int)", _IOR('x', 1, unsigned int));
	EXPECT_CODE("_IOR('x',1,long)", _IOR('x', 1, long));
	EXPECT_CODE("_IOR('x',1,size_t)", _IOR('x', 1, size_t));
	EXPECT_CODE("_IOR('x',1,void *)", _IOR('x', 1, void *));
}

TEST(refused_numbers)
{
	EXPECT_REFUSED("", "neither a number");
	EXPECT_REFUSED("0x", "neither a number");
	EXPECT_REFUSED("-1", "neither a number");
	EXPECT_REFUSED("010", "neither a number");
	EXPECT_REFUSED("12x", "neither a number");
	EXPECT_REFUSED("4294967296", "32 bits");
	EXPECT_REFUSED("99999999999999999999999", "neither a number");
}

TEST(refused_expressions)
{
	EXPECT_REFUSED("_IO", "neither a number");
	EXPECT_REFUSED("_IO('N',1", "closing parenthesis");
	EXPECT_REFUSED("_IOX('N',1)", "before the parenthesis");
	EXPECT_REFUSED("(1)", "before the parenthesis");
	EXPECT_REFUSED("_IO()", "a magic and a number");
	EXPECT_REFUSED("_IO('N')", "a magic and a number");
	EXPECT_REFUSED("_IO('N',1,8)", "a magic and a number");
	EXPECT_REFUSED("_IOR('N',1)", "a magic, a number and a size");
	EXPECT_REFUSED("_IOR('N',1,8,9)", "a magic, a number and a size");
	EXPECT_REFUSED("_IO(N,1)", "the magic");
	EXPECT_REFUSED("_IO('NN',1)", "the magic");
	EXPECT_REFUSED("_IO('',1)", "the magic");
	EXPECT_REFUSED("_IO(256,1)", "the magic");
	EXPECT_REFUSED("_IO('N',256)", "from 0 to 255");
	EXPECT_REFUSED("_IO('N',)", "from 0 to 255");
	EXPECT_REFUSED("_IO('N',-1)", "from 0 to 255");
	EXPECT_REFUSED("_IOR('N',1,16384)", "the size");
	EXPECT_REFUSED("_IOR('N',1,struct x)", "the size");
	EXPECT_REFUSED("_IOR('N',1,)", "the size");
}

TEST(number_limits)
{
	uint64_t value;

	EXPECT_TRUE(read_number("18446744073709551615", &value));
	EXPECT_EQ(UINT64_MAX, value);
	EXPECT_FALSE(read_number("18446744073709551616", &value));
	EXPECT_TRUE(read_number("0xffffffffffffffff", &value));
	EXPECT_EQ(UINT64_MAX, value);
	EXPECT_FALSE(read_number("0x10000000000000000", &value));
	EXPECT_FALSE(read_number(" 1", &value));
	EXPECT_FALSE(read_number("1 ", &value));
	EXPECT_FALSE(read_number("0xg", &value));
	EXPECT_FALSE(read_number("a", &value));
}

TEST(hex)
{
	static const unsigned char want[] = { 0xde, 0xad, 0xbe, 0xef };
	static const char *const same[] = {
		"deadbeef", "DEADBEEF", "0xdeadbeef", "de ad be ef", "de:ad:be:ef", " dead\nbeef ",
	};
	struct bytes bytes;

	for (size_t i = 0; i < ARRAY_SIZE(same); i++) {
		EXPECT_EQ(-1, read_hex(same[i], &bytes))
			TH_LOG("%s", same[i]);
		ASSERT_EQ(sizeof(want), bytes.len);
		EXPECT_EQ(0, memcmp(want, bytes.data, sizeof(want)));
		free(bytes.data);
	}
	EXPECT_EQ(-1, read_hex("", &bytes));
	EXPECT_EQ(0, bytes.len);
	free(bytes.data);
}

TEST(refused_hex)
{
	static const struct {
		const char *text;
		ptrdiff_t at;
	} cases[] = {
		{ "a", 1 }, { "abc", 3 }, { "xy", 0 }, { "ag", 1 }, { "ab cg", 4 }, { "a b", 1 },
		{ "0x0x00", 3 },
	};
	struct bytes bytes;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		EXPECT_EQ(cases[i].at, read_hex(cases[i].text, &bytes))
			TH_LOG("%s", cases[i].text);
		free(bytes.data);
	}
}

TEST_HARNESS_MAIN
