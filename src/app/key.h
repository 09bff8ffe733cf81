// `ncps key` and `ncps token`: signing keys and tokens, made and looked at without serving.
#pragma once

#include <string>

#include "config/load.h"

namespace ncps::app {

// All return the exit status: 0; 1 if it failed, also if what it prints could not be written; 2 for wrong
// options or arguments. Nothing is made in the storage by those that only look.

// Prints a new secret key, or writes it to `file`, which must not exist; only its owner may read
// that. What clients need, the public key, goes to stderr.
int generate_key(const std::string& name, const std::string& file);

// Prints the public keys, a line for each: that of `file`, or, if that is empty, those with which
// `serve` would sign with these options.
int show_public_keys(const std::string& file, const config::Loaded& loaded);

// Prints what clients paste, with the keys with which `serve` would sign. `url`: of the cache; empty: as
// config::client_url finds it.
int show_client_config(const std::string& url, const config::Loaded& loaded);

// Of the keys in the storage: makes the next one (cache/signing_key.h), or forgets the one before.
int rotate_key(const config::Loaded& loaded);
int retire_key(const config::Loaded& loaded);

// Prints a new token to stdout, and the line of it for a token file to stderr.
int generate_token(const std::string& name, const std::string& rights);

}  // namespace ncps::app
