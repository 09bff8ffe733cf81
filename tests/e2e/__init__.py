"""End-to-end tests: the program itself, real Nix clients, an upstream that misbehaves on demand."""
