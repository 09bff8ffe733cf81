#include "http/chunked_decoder.h"

#include <gtest/gtest.h>

#include <string>

namespace ncps::http {
namespace {

struct Decoded {
  std::string body;
  std::string rest;  // what follows the body
  bool ended = false, broken = false;
};

// In pieces of `step` bytes.
Decoded decode(std::string_view text, std::size_t step) {
  ChunkedDecoder decoder;
  Decoded out;
  while (!text.empty()) {
    auto piece = text.substr(0, step);
    text.remove_prefix(piece.size());
    while (!piece.empty() && !decoder.ended()) {
      auto bytes = decoder.take(piece);
      if (!bytes) {
        out.broken = true;
        return out;
      }
      out.body += *bytes;
    }
    if (decoder.ended()) {
      out.ended = true;
      out.rest = std::string(piece) + std::string(text);
      return out;
    }
  }
  return out;
}

TEST(ChunkedDecoder, ABodyComesOutHoweverItArrives) {
  std::string_view text =
      "4\r\nWiki\r\n6;a=b;c=\"d\"\r\npedia \r\n0F\r\nin \r\n\r\nchunks..\r\n0\r\nTrailer: "
      "x\r\n\r\nGET /";
  for (std::size_t step : {1, 2, 3, 7, 1000}) {
    auto out = decode(text, step);
    EXPECT_TRUE(out.ended) << step;
    EXPECT_EQ(out.body, "Wikipedia in \r\n\r\nchunks..") << step;
    EXPECT_EQ(out.rest, "GET /") << step;
  }
}

TEST(ChunkedDecoder, AnEmptyBodyEndsAtOnce) {
  auto out = decode("0\r\n\r\n", 1);
  EXPECT_TRUE(out.ended);
  EXPECT_EQ(out.body, "");
}

TEST(ChunkedDecoder, WhatIsCutShortHasNotEnded) {
  std::string text = "3\r\nabc\r\n0\r\nA: b\r\n\r\n";
  for (std::size_t size = 0; size < text.size(); ++size) {
    auto out = decode(text.substr(0, size), 1);
    EXPECT_FALSE(out.ended) << size;
    EXPECT_FALSE(out.broken) << size;
  }
}

TEST(ChunkedDecoder, RefusesWhatCouldBeUnderstoodDifferently) {
  const std::string rows[] = {
      "\r\n",
      "x\r\n",
      "-1\r\na\r\n",
      "+1\r\na\r\n",
      "0x1\r\na\r\n",
      " 1\r\na\r\n",
      "1 \r\na\r\n",
      "1\na\r\n",
      "1\r\nab\r\n",
      "1\r\na\n",
      "1\r\na\rx",
      "1\r\na0\r\n\r\n",
      "1\rxa\r\n",
      "1;a\nb\r\n",
      std::string("1;a\0b\r\n", 7),
      "1234567890abcdef\r\n",
      "fffffffffffffffff\r\n",
      "0000000000000001\r\na\r\n",
      "1;" + std::string(ChunkedDecoder::kMaxLine, 'x') + "\r\n",
      "0\r\nA: b\n\r\n",
      "0\r\n folded\r\n\r\n",
      "0\r\n\rx",
      "0\r\nA: " + std::string(ChunkedDecoder::kMaxTrailers, 'x') + "\r\n\r\n",
  };
  for (const auto& text : rows) {
    EXPECT_TRUE(decode(text, 1).broken) << text.substr(0, 40);
    EXPECT_TRUE(decode(text, text.size()).broken) << text.substr(0, 40);
  }
}

}  // namespace
}  // namespace ncps::http
