#include "nix/content_address.h"

#include <gtest/gtest.h>

#include "nix/testing/nar_of.h"

namespace ncps::nix {
namespace {

// As Nix 2.8 wrote them.
const std::string kNar = R"(StorePath: /nix/store/4cg53bz5rfmdapmsqn1c66xp8snn6x17-d
URL: nar/0fzd3xy0rg1gdxfi7wg675q1vs7hh332lz0x4ml9l3arvl37yx9d.nar
Compression: none
NarHash: sha256:0fzd3xy0rg1gdxfi7wg675q1vs7hh332lz0x4ml9l3arvl37yx9d
NarSize: 288
References: 
CA: fixed:r:sha256:0fzd3xy0rg1gdxfi7wg675q1vs7hh332lz0x4ml9l3arvl37yx9d
)";
const std::string kText = R"(StorePath: /nix/store/771ll8l099ihn5108vy4zz5ys72pg2bb-t.txt
URL: nar/0zd9nzyrr27315a3q43yll670g36ibd7h2vzms9di5ifvjhkq66j.nar
Compression: none
NarHash: sha256:0zd9nzyrr27315a3q43yll670g36ibd7h2vzms9di5ifvjhkq66j
NarSize: 168
References: a825c0wga3s86w0p2ck66hiav3vq3hks-in
CA: text:sha256:1ssmqimxdbin3hs1ms37bljrlf837sf2lnn7f06j176az9pcrbsh
)";
const std::string kFlat = R"(StorePath: /nix/store/gy454w1cxaq731grqwylhzf4pp9r5izh-hello.txt
URL: nar/04zwf782yjwnh3q6hz5izfd6jyip8kgw6g6yj43fiqhbyhdd0dqw.nar
Compression: none
NarHash: sha256:04zwf782yjwnh3q6hz5izfd6jyip8kgw6g6yj43fiqhbyhdd0dqw
NarSize: 120
References: 
CA: fixed:sha256:00xyyr3fi8l6hb839bv3f7yb86yjv7xi1cgh1xnhipym4asvb4aq
)";

std::optional<ContentClaim> claim_of(const std::string& text) {
  return content_claim(parse_nar_info(text).value());
}
std::string with(std::string text, const std::string& from, const std::string& to) {
  auto at = text.find(from);
  EXPECT_NE(at, text.npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(ContentClaim, IsThatOfPathsThatFollowFromTheirContents) {
  auto nar = claim_of(kNar), text = claim_of(kText), flat = claim_of(kFlat);
  ASSERT_TRUE(nar && text && flat);
  EXPECT_EQ(nar->of_file, std::nullopt);
  EXPECT_EQ(text->of_file->str(), "sha256:1ssmqimxdbin3hs1ms37bljrlf837sf2lnn7f06j176az9pcrbsh");
  EXPECT_EQ(flat->of_file->str(), "sha256:00xyyr3fi8l6hb839bv3f7yb86yjv7xi1cgh1xnhipym4asvb4aq");
}

TEST(ContentClaim, IsNoneWhereAnythingDoesNotFit) {
  const std::string other = "1ssmqimxdbin3hs1ms37bljrlf837sf2lnn7f06j176az9pcrbsh";
  const std::string wrong[] = {
      with(kNar, "CA: fixed:r:sha256:0f", "CA: fixed:r:sha256:0g"),  // another hash
      with(kNar, "NarHash: sha256:0fzd3xy0rg1gdxfi7wg675q1vs7hh332lz0x4ml9l3arvl37yx9d",
           "NarHash: sha256:" + other),  // other contents
      with(kNar, "x17-d", "x17-e"),      // another name
      with(kNar, "4cg53bz", "5cg53bz"),  // another path
      with(kNar, "References: ", "References: a825c0wga3s86w0p2ck66hiav3vq3hks-in"),
      with(kNar, "References: ", "References: 4cg53bz5rfmdapmsqn1c66xp8snn6x17-d"),  // itself
      with(kNar, "fixed:r:", "fixed:"),
      with(kNar, "fixed:r:", "text:"),
      with(kNar, "fixed:r:", "fixed:git:"),
      with(kNar, "fixed:r:", ""),
      with(kNar, "CA: fixed", "XX: fixed"),
      with(kText, "References: a825c0wga3s86w0p2ck66hiav3vq3hks-in", "References: "),
      with(kText, "text:", "fixed:"),
      with(kText, "1ssmq", "0ssmq"),
      with(kFlat, "References: ", "References: a825c0wga3s86w0p2ck66hiav3vq3hks-in"),
      with(kFlat, "fixed:", "text:"),
      with(kFlat, "fixed:", "fixed:r:"),
      with(kFlat, "00xyyr", "10xyyr"),
  };
  for (const auto& text : wrong) EXPECT_FALSE(claim_of(text)) << text;
}

std::optional<Hash> file_in(std::string_view nar, std::size_t step) {
  FileInNar file;
  for (; !nar.empty(); nar.remove_prefix(std::min(step, nar.size())))
    file.feed(nar.substr(0, step));
  return file.finish();
}

TEST(FileInNar, IsHashedHoweverItArrives) {
  for (std::string text : {std::string("hello\n"), std::string(), std::string(10'000, 'x')})
    for (std::size_t step : {1, 7, 96, 1'000'000})
      EXPECT_EQ(file_in(nar_of(text), step), Hash(crypto::sha256(text))) << step;
}

TEST(FileInNar, IsNoneOfAnythingElse) {
  EXPECT_FALSE(file_in(nar_of_node(file_node("x", Executable::yes)), 1000));
  EXPECT_FALSE(file_in(nar_of_node(symlink_node("x")), 1000));
  EXPECT_FALSE(file_in(nar_of_node(directory_node({{"a", file_node("x")}})), 1000));
  EXPECT_FALSE(file_in(nar_of("hello").substr(0, 98), 1000));
  EXPECT_FALSE(file_in("", 1));
}

}  // namespace
}  // namespace ncps::nix
