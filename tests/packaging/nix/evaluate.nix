# nix-instantiate --eval --strict --json evaluate.nix --arg definitions '{ services.ncps = …; }'
{ definitions }:
let
  pkgs = {
    coreutils = "/coreutils";
    ncps = { outPath = "/ncps"; meta.mainProgram = "ncps"; };
    # The file's text stands in the place of its name.
    formats.json = _: { generate = _: value: builtins.toJSON value; };
  };
in
(import ./lib.nix).evaluate { module = import ../../../packaging/nixos/module.nix; inherit pkgs definitions; }
