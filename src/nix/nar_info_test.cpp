#include "nix/nar_info.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

namespace ncps::nix {
namespace {

// Written and signed by `nix copy --to file:///…?secret-key=…` of Nix 2.8.
constexpr const char* kKey = "vec-test-1:S4uf8PgEZ4P1JAjqIy0xfASBMNNAQHY2Tml73dDD1qk=";
constexpr const char* kWithReferences =
    "StorePath: /nix/store/ikx2gbf84mvr0vsxbcyqxsl9lkcm8y79-refs+x.conf\n"
    "URL: nar/1kxqapyaf21jx5mnlm40688i9mqjjmagh4ifqayxrzvmwg8q8a57.nar.xz\n"
    "Compression: xz\n"
    "FileHash: sha256:1kxqapyaf21jx5mnlm40688i9mqjjmagh4ifqayxrzvmwg8q8a57\n"
    "FileSize: 208\n"
    "NarHash: sha256:0khk97aqbh129h270i1lki8fg7rdsddik4wv3bnz2qrzwb8g4mfc\n"
    "NarSize: 216\n"
    "References: 46dfj1bpdwa7xw7yiinxhsn2hhy49qpa-b.txt "
    "4vv4qjwdsxp239iprpqipkbj16r40l8s-a.txt\n"
    "Sig: vec-test-1:ZtUxYMxK0Lq/DfAKY5CFPBJT02r1b7ueSeUNvlalgFDhHhV6qCcoSNy2J+V9of+zZa/rZWr6G+8X2"
    "aC6YWxtAw==\n"
    "CA: text:sha256:1wmwsr41920hlwayhcd92ydnqd5hzy1wgrf8iza5f13zd6cim4l3\n";
constexpr const char* kWithoutReferences =
    "StorePath: /nix/store/xfp2hphvk98rkk9ywlqpp587rjdcgnc2-hello.txt\n"
    "URL: nar/0r2za1q20f9gq6saci14qmvwfimc7rqg856abh223az2aynmamz2.nar\n"
    "Compression: gzip\n"
    "FileHash: sha256:0r2za1q20f9gq6saci14qmvwfimc7rqg856abh223az2aynmamz2\n"
    "FileSize: 86\n"
    "NarHash: sha256:0sg9f58l1jj88w6pdrfdpj5x9b1zrwszk84j81zvby36q9whhhqa\n"
    "NarSize: 120\n"
    "References: \n"
    "Sig: vec-test-1:ZEDUijwlT1GOcZw+3KFQa9GIRvJeWsaypQl8phxLTQ4cH5Lx9mIDL5fLGKjVFy+a+XrNC3rnCdaUh"
    "sz74VvsAQ==\n"
    "CA: fixed:r:sha256:0sg9f58l1jj88w6pdrfdpj5x9b1zrwszk84j81zvby36q9whhhqa\n";

constexpr const char* kMinimal =
    "StorePath: /nix/store/xfp2hphvk98rkk9ywlqpp587rjdcgnc2-hello.txt\n"
    "URL: nar/x.nar\n"
    "NarHash: sha256:0sg9f58l1jj88w6pdrfdpj5x9b1zrwszk84j81zvby36q9whhhqa\n"
    "NarSize: 120\n";

std::string minimal_and(std::string_view line) {
  return kMinimal + std::string(line) + "\n";
}

std::string minimal_without(std::string_view key) {
  std::string text = kMinimal;
  const auto start = text.find(key);
  text.erase(start, text.find('\n', start) + 1 - start);
  return text;
}

TEST(NarInfo, WhatNixWroteIsReadPrintedAlikeAndVerified) {
  const auto key = PublicKey::parse(kKey).value();
  for (const char* text : {kWithReferences, kWithoutReferences}) {
    auto info = parse_nar_info(text);
    ASSERT_TRUE(info) << info.error().what();
    EXPECT_EQ(print_nar_info(*info), text);
    ASSERT_EQ(info->signatures.size(), 1U);
    EXPECT_TRUE(signed_by_any(fingerprint(*info), info->signatures, {key}));
  }
}

TEST(NarInfo, OurOwnSignatureIsTheOneThatNixMakes) {
  auto key = SecretKey::parse(
      "vec-test-1:3HOadb9ItTaUbKrc90DW2nH2kEzmgMmRPZg8q6q7U9ZLi5/w+ARng/"
      "UkCOojLTF8BIEw00BAdjZOaXvd0MPWqQ==");
  ASSERT_TRUE(key);
  auto info = parse_nar_info(kWithReferences).value();
  EXPECT_EQ(key->sign(fingerprint(info)).value(), info.signatures.front());
}

TEST(NarInfo, FieldsArriveWhereTheyBelong) {
  auto info = parse_nar_info(kWithReferences).value();
  EXPECT_EQ(info.store_path.hash().str(), "ikx2gbf84mvr0vsxbcyqxsl9lkcm8y79");
  EXPECT_EQ(info.url, "nar/1kxqapyaf21jx5mnlm40688i9mqjjmagh4ifqayxrzvmwg8q8a57.nar.xz");
  EXPECT_EQ(info.compression, Compression::xz);
  EXPECT_EQ(info.file_hash->nix32(), "1kxqapyaf21jx5mnlm40688i9mqjjmagh4ifqayxrzvmwg8q8a57");
  EXPECT_EQ(info.file_size, 208U);
  EXPECT_EQ(info.nar_size, 216U);
  ASSERT_EQ(info.references.size(), 2U);
  EXPECT_EQ(info.references[1].base_name(), "4vv4qjwdsxp239iprpqipkbj16r40l8s-a.txt");
  EXPECT_EQ(info.deriver, std::nullopt);
  EXPECT_EQ(info.ca, "text:sha256:1wmwsr41920hlwayhcd92ydnqd5hzy1wgrf8iza5f13zd6cim4l3");
  EXPECT_TRUE(info.other.empty());
}

TEST(Fingerprint, SortsReferencesAndNamesEachOnce) {
  auto info = parse_nar_info(minimal_and("References: zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz-z "
                                         "xfp2hphvk98rkk9ywlqpp587rjdcgnc2-hello.txt "
                                         "00000000000000000000000000000000-a "
                                         "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz-z"))
                  .value();
  EXPECT_EQ(fingerprint(info),
            "1;/nix/store/xfp2hphvk98rkk9ywlqpp587rjdcgnc2-hello.txt;"
            "sha256:0sg9f58l1jj88w6pdrfdpj5x9b1zrwszk84j81zvby36q9whhhqa;120;"
            "/nix/store/00000000000000000000000000000000-a,"
            "/nix/store/xfp2hphvk98rkk9ywlqpp587rjdcgnc2-hello.txt,"
            "/nix/store/zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz-z");
  EXPECT_TRUE(fingerprint(parse_nar_info(kMinimal).value()).ends_with(";120;"));
}

TEST(Fingerprint, WritesEveryHashAsNix32) {
  auto text = minimal_without("NarHash") +
              "NarHash: sha256:0a430879c266f8b57f4092a0f935cf3facd48bbccde5760d4748ca405171e969\n";
  EXPECT_EQ(fingerprint(parse_nar_info(text).value()),
            fingerprint(parse_nar_info(kMinimal).value()));
}

TEST(NarInfo, AbsentFieldsHaveTheirMeaning) {
  auto info = parse_nar_info(kMinimal).value();
  EXPECT_EQ(info.compression, Compression::bzip2);
  EXPECT_FALSE(info.file_hash || info.file_size || info.deriver || info.ca);
  EXPECT_TRUE(info.references.empty() && info.signatures.empty() && info.other.empty());
}

TEST(NarInfo, TheLayoutDoesNotMatter) {
  const auto expected = parse_nar_info(kWithReferences).value();
  const std::string text = kWithReferences;
  auto replaced = [&](std::string_view what, std::string_view with) {
    std::string out = text;
    for (auto at = out.find(what); at != std::string::npos; at = out.find(what, at + with.size())) {
      out.replace(at, what.size(), with);
    }
    return out;
  };
  EXPECT_EQ(parse_nar_info(replaced("\n", "\r\n")).value(), expected);
  EXPECT_EQ(parse_nar_info(replaced("\n", " \n")).value(), expected);
  EXPECT_EQ(parse_nar_info(replaced("\n", "\n\n")).value(), expected);
  EXPECT_EQ(parse_nar_info("\n" + text).value(), expected);
  EXPECT_EQ(parse_nar_info(replaced(": ", ":")).value(), expected);
  EXPECT_EQ(parse_nar_info(replaced(": ", ":\t ")).value(), expected);
  EXPECT_EQ(parse_nar_info(text.substr(0, text.size() - 1)).value(), expected);
}

TEST(NarInfo, OtherLinesAreKeptInTheirOrder) {
  auto info = parse_nar_info(minimal_and("System: x86_64-linux\nstorepath: x\nX:\nSystem:a:b"));
  using Lines = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(info.value().other,
            (Lines{{"System", "x86_64-linux"}, {"storepath", "x"}, {"X", ""}, {"System", "a:b"}}));
  EXPECT_EQ(parse_nar_info(print_nar_info(*info)).value(), *info);
}

TEST(NarInfo, OfRepeatedFieldsTheLastCounts) {
  auto info = parse_nar_info(minimal_and(
      "StorePath: /nix/store/00000000000000000000000000000000-a\nURL: nar/y.nar\nNarSize: 8\n"
      "Compression: xz\nCompression: none\nFileSize: 1\nFileSize: 2"));
  ASSERT_TRUE(info) << info.error().what();
  EXPECT_EQ(info->store_path.base_name(), "00000000000000000000000000000000-a");
  EXPECT_EQ(info->url, "nar/y.nar");
  EXPECT_EQ(info->nar_size, 8U);
  EXPECT_EQ(info->compression, Compression::none);
  EXPECT_EQ(info->file_size, 2U);
}

TEST(NarInfo, DerivesOnlyFromStorePaths) {
  const std::pair<const char*, std::optional<std::string>> rows[] = {
      {"Deriver: 4yvj75gbv9imxyh0anp8cimms74apzjm-refs+x_1.0.drv",
       "4yvj75gbv9imxyh0anp8cimms74apzjm-refs+x_1.0.drv"},
      {"Deriver: unknown-deriver", std::nullopt},
      {"Deriver:", std::nullopt},
      {"Deriver: ", std::nullopt},
      {"Deriver: ../../etc/passwd", std::nullopt},
      {"Deriver: /nix/store/4yvj75gbv9imxyh0anp8cimms74apzjm-x.drv", std::nullopt},
  };
  for (const auto& [line, deriver] : rows) {
    EXPECT_EQ(parse_nar_info(minimal_and(line)).value().deriver, deriver) << line;
  }
}

TEST(NarInfo, MalformedSignaturesAreDroppedAndTheOthersKept) {
  const auto good = SecretKey::generate("k").value().sign("x").value();
  auto info = parse_nar_info(
      minimal_and("Sig: nonsense\nSig:\nSig: " + good.str() + "\nSig: k:AAAA\nSig: " + good.str()));
  EXPECT_EQ(info.value().signatures, (std::vector{good, good}));
}

TEST(NarInfo, AFileHashWeCannotCheckIsAbsent) {
  for (const char* hash : {"sha512:abc", "sha1:kpcd173cq987hw957sx6m0868wv3x6d9", "md5:x",
                           "sha512-abc=", "blake3:x"}) {
    EXPECT_EQ(parse_nar_info(minimal_and("FileHash: " + std::string(hash))).value().file_hash,
              std::nullopt);
  }
}

TEST(NarInfo, SecondReferencesOrCaCountOnlyIfEmpty) {
  const std::string reference = "References: 00000000000000000000000000000000-a\n";
  EXPECT_TRUE(parse_nar_info(minimal_and(reference + "References: ")));
  EXPECT_TRUE(parse_nar_info(minimal_and("References:\n" + reference)));
  EXPECT_FALSE(parse_nar_info(minimal_and(reference + reference)));
  EXPECT_TRUE(parse_nar_info(minimal_and("CA:\nCA: text:x\nCA: ")));
  EXPECT_FALSE(parse_nar_info(minimal_and("CA: text:x\nCA: text:x")));
  EXPECT_EQ(parse_nar_info(minimal_and("CA:")).value().ca, std::nullopt);
}

TEST(NarInfo, RefusesWhatItCannotRead) {
  for (const auto& text : {
           std::string(),
           std::string("<html><body>404</body></html>"),
           minimal_without("StorePath"),
           minimal_without("URL"),
           minimal_without("NarHash"),
           minimal_without("NarSize"),
           minimal_and("no colon"),
           minimal_and(": no key"),
           minimal_and("StorePath: /gnu/store/xfp2hphvk98rkk9ywlqpp587rjdcgnc2-hello.txt"),
           minimal_and("StorePath: xfp2hphvk98rkk9ywlqpp587rjdcgnc2-hello.txt"),
           minimal_and("StorePath: /nix/store/xfp2hphvk98rkk9ywlqpp587rjdcgnc2-../x"),
           minimal_and("URL:"),
           minimal_and("URL: nar/a b.nar"),
           minimal_and("URL: nar/a\rb.nar"),
           minimal_and(std::string("URL: nar/a\0b.nar", 16)),
           minimal_and("Compression: XZ"),
           minimal_and("Compression: rar"),
           minimal_and("FileHash:"),
           minimal_and("FileHash: garbage"),
           minimal_and("FileHash: sha256:short"),
           minimal_and("FileHash: sha512"),
           minimal_and("FileSize: -1"),
           minimal_and("FileSize: 12k"),
           minimal_and("FileSize:"),
           minimal_and("FileSize: 18446744073709551616"),
           minimal_and("NarHash: md5:x"),
           minimal_and("NarHash: sha512:x"),
           minimal_and("NarSize: 0"),
           minimal_and("NarSize: +1"),
           minimal_and("NarSize: 0x10"),
           minimal_and("NarSize: 1.5"),
           minimal_and("References: ../../etc/passwd"),
           minimal_and("References: /nix/store/00000000000000000000000000000000-a"),
           minimal_and("References: 00000000000000000000000000000000"),
       }) {
    auto info = parse_nar_info(text);
    ASSERT_FALSE(info) << text;
    EXPECT_EQ(info.error().kind(), ErrorKind::invalid);
  }
}

TEST(NarInfo, ErrorsSayWhere) {
  EXPECT_EQ(parse_nar_info(minimal_and("\nFileSize: x")).error().what(),
            "line 6: FileSize: not a number");
  EXPECT_EQ(parse_nar_info(minimal_without("URL")).error().what(), "URL is missing");
}

TEST(NarInfo, OnlyTheTextIsBounded) {
  std::string many = "References:";
  while (many.size() < 900'000) many += " 00000000000000000000000000000000-a";
  EXPECT_GT(parse_nar_info(minimal_and(many)).value().references.size(), 20'000U);
  EXPECT_TRUE(parse_nar_info(kMinimal + std::string(kMaxNarInfoBytes - 300, '\n')));
  EXPECT_FALSE(parse_nar_info(kMinimal + std::string(kMaxNarInfoBytes, '\n')));
}

class Dice {
 public:
  explicit Dice(unsigned seed) : random_(seed) {}
  std::uint64_t below(std::uint64_t n) { return random_() % n; }
  bool toss() { return below(2) == 1; }
  std::string word(std::string_view alphabet, std::size_t length) {
    std::string text(length, ' ');
    for (auto& c : text) c = alphabet[below(alphabet.size())];
    return text;
  }
  StorePath path() {
    return StorePath::parse_base_name(word("0123456789abcdfghijklmnpqrsvwxyz", 32) + "-" +
                                      word("abcXYZ019+_?=", 1 + below(40)))
        .value();
  }
  Hash hash() { return Hash(crypto::sha256(word("ab", 20))); }

 private:
  std::mt19937_64 random_;
};

NarInfo random_info(Dice& dice, const std::vector<SecretKey>& keys) {
  NarInfo info{.store_path = dice.path(),
               .url = "nar/" + dice.word("abc/.:?=&%", 1 + dice.below(60)),
               .compression = static_cast<Compression>(dice.below(13)),
               .file_hash = {},
               .file_size = {},
               .nar_hash = dice.hash(),
               .nar_size = 1 + dice.below(UINT64_MAX),
               .references = {},
               .deriver = {},
               .signatures = {},
               .ca = {},
               .other = {}};
  if (dice.toss()) info.file_hash = dice.hash();
  if (dice.toss()) info.file_size = dice.below(UINT64_MAX);
  for (auto n = dice.below(5); n > 0; --n) info.references.push_back(dice.path());
  if (dice.toss()) info.deriver = dice.path().base_name();
  for (auto n = dice.below(3); n > 0; --n) {
    info.signatures.push_back(keys[dice.below(keys.size())].sign(dice.word("xy", 9)).value());
  }
  if (dice.toss()) info.ca = "fixed:" + dice.word("ab: ", 9) + "x";
  for (auto n = dice.below(3); n > 0; --n) {
    info.other.emplace_back("X" + dice.word("abc", 5), dice.word("abc:", dice.below(9)));
  }
  return info;
}

TEST(NarInfo, WhatIsPrintedIsReadBackTheSame) {
  Dice dice(20240607);
  const std::vector<SecretKey> keys = {SecretKey::generate("a").value(),
                                       SecretKey::generate("b.example-1").value()};
  for (int round = 0; round < 500; ++round) {
    const auto info = random_info(dice, keys);
    const auto text = print_nar_info(info);
    auto back = parse_nar_info(text);
    ASSERT_TRUE(back) << back.error().what() << "\n" << text;
    ASSERT_EQ(*back, info) << text;
    ASSERT_EQ(print_nar_info(*back), text);
    ASSERT_EQ(fingerprint(*back), fingerprint(info));
  }
}

TEST(NarInfo, DamagedTextNeverDoesWorseThanFail) {
  Dice dice(7);
  for (int round = 0; round < 5000; ++round) {
    std::string text = kWithReferences;
    for (auto n = 1 + dice.below(4); n > 0; --n) {
      text[dice.below(text.size())] = static_cast<char>(dice.below(256));
    }
    text.resize(dice.toss() ? text.size() : dice.below(text.size()));
    if (auto info = parse_nar_info(text)) {
      ASSERT_EQ(parse_nar_info(print_nar_info(*info)).value(), *info) << text;
    }
  }
}

}  // namespace
}  // namespace ncps::nix
