// One NAR in every compression that Nix 2.8 writes: the files behind `nix copy --to
// file:///…?compression=…`, named there by their FileHash. They come from other encoders than our
// own tests use (lzip above all, which liblzma cannot write).
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "codec/decompressor.h"
#include "crypto/encoding.h"
#include "nix/hash.h"
#include "nix/nar_walker.h"

namespace ncps::codec {
namespace {

struct NixFile {
  const char* compression;
  const char* file_hash;
  const char* base64;
};

constexpr NixFile kFiles[] = {
    {"none", "0sg9f58l1jj88w6pdrfdpj5x9b1zrwszk84j81zvby36q9whhhqa",
     "DQAAAAAAAABuaXgtYXJjaGl2ZS0xAAAAAQAAAAAAAAAoAAAAAAAAAAQAAAAAAAAAdHlwZQAAAAAHAAAAAAAAAHJlZ3VsY"
     "XIACAAAAAAAAABjb250ZW50cwUAAAAAAAAAaGVsbG8AAAABAAAAAAAAACkAAAAAAAAA"},
    {"xz", "0fi9086lgpm7risfq179888clp99qdx4akvdmnlhz5gkf6q2ygy7",
     "/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4AB3AEFdAAaANh/vps6/droaek8r6qRTJO2hIwRx/1u/"
     "l2m68ym+JEmkcF2PMAtHKBMzvRezszyuOHzIXEam+yus+"
     "wi5dob6AAAAAOzQdHz9JQ55AAFdeDxvTXEftvN9AQAAAAAEWVo="},
    {"zstd", "1c9ccwd7ak7hfq144sd362zs2041gwl1gcp3vgcxv7gjq5p3l137",
     "KLUv/QBYfQIAMkQOFpA7Y0CDFNvSxD7Zd3dP7SjX8hD5TwH//9EQby0sm7fZ1MSakElOH/"
     "5PefZgY+BH0DVsKU3IYXkRCABTMBoMBAYCA4GBwcDACANoAw=="},
    {"bzip2", "0m31xc5fgiqpanxh97i56jhykq29whhvxg82wa9c48zrrhcm7nfr",
     "QlpoOTFBWSZTWWVFXXUAAB/ZgG7CAGIgACrl32AgAEhpNTIeUNBk2o2oIgAAAAJosQmaqqa1MEALQIhsxgym/"
     "FoZS8fBrpi0bvLRESlT7gIYsCd8Bvi7kinChIMqKuuo"},
    {"gzip", "0r2za1q20f9gq6saci14qmvwfimc7rqg856abh223az2aynmamz2",
     "H4sIALSqAmsAA+NlgIC8zArdxKLkjMyyVF1DIJ8RKq4BpVmgdEllQSqIZofyi1LTS3MSixg4oPzk/"
     "LyS1LySYlYoPyM1JycfyTxNKA0Ao5oM33gAAAA="},
    {"br", "0avb2j276xr1iwdfzdb8w4mpk8mhz4mfkfp6vnkqf80z9x71mmm1",
     "G3cAAIYgb/fbG0XphA9qVGRd0C6+aBQ2xsZzC0VxAt79JfrqIAALkICmCB2QdQ3AANIAnyECsAE="},
    {"lz4", "0syrk8palmn6927pxzb7i4pc3gfzr0pwbmrsn4sahl0qfcdvqyxi",
     "BCJNGGRwuV8AAAAiDQABAPICbml4LWFyY2hpdmUtMQAAAAEXACMAKAgAEwQIAEB0eXBlCwAQBwUAwQAAAHJlZ3VsYXIAC"
     "A4AsAAAY29udGVudHMFDQCHAAAAaGVsbG9QAIApAAAAAAAAAAAAAACdZDoK"},
    {"lzip", "1xjmqzcf0c73idmqahf8rq064gbyzgjfvc7kdn167dsw8sb9shla",
     "TFpJUAEXAAaANh/vps6/droaek8r6qRTJO2hIwRx/1u/"
     "l2m68ym+JEmkcF2PMAtHKBMzvRezszyuOHzIXEam+yus+wi9MjcR//6mCACjmgzfeAAAAAAAAABhAAAAAAAAAA=="},
    {"lzma", "1ijf4y83drvqq63r2y8lyk4v3cpr5lcbkkwxj1kp0rlj76dd6ghj",
     "XQAAgAD//////////"
     "wAGgDYf76bOv3a6GnpPK+qkUyTtoSMEcf9bv5dpuvMpviRJpHBdjzALRygTM70Xs7M8rjh8yFxGpvsrrPsIvTI3Ef/"
     "+pggA"},
};

TEST(NixVectors, DecompressToTheSameNar) {
  for (const auto& [name, file_hash, base64] : kFiles) {
    const auto raw = crypto::from_base64(base64).value();
    const std::string file(raw.begin(), raw.end());
    EXPECT_EQ(nix::Hash(crypto::sha256(file)).nix32(), file_hash) << name;

    auto decompressor = make_decompressor(nix::parse_compression(name).value()).value();
    crypto::Sha256 hasher;
    nix::NarWalker walker;
    const Sink sink = [&](std::string_view piece) -> Result<void> {
      hasher.update(piece);
      return walker.feed(piece);
    };
    ASSERT_TRUE(decompressor->feed(file, sink)) << name;
    ASSERT_TRUE(decompressor->finish(sink)) << name;
    EXPECT_TRUE(walker.finish()) << name;
    EXPECT_EQ(nix::Hash(hasher.finish()).nix32(),
              "0sg9f58l1jj88w6pdrfdpj5x9b1zrwszk84j81zvby36q9whhhqa")
        << name;
  }
}

}  // namespace
}  // namespace ncps::codec
