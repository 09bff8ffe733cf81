# The names of what flake.nix makes, with a stand-in for nixpkgs.
let
  flake = import ../../../flake.nix;
  lib.genAttrs = names: make: builtins.listToAttrs (map (name: { inherit name; value = make name; }) names);
  pkgs = system: {
    stdenv.hostPlatform.system = system;
    callPackage = file: _: { made = toString file; };
    testers.runNixOSTest = test: { nodes = builtins.attrNames (test { pkgs = { }; }).nodes; };
    mkShell.override = _: shell: { inputs = builtins.length shell.inputsFrom; };
  };
  self = flake.outputs { inherit self; nixpkgs = { inherit lib; legacyPackages = lib.genAttrs [ "x86_64-linux" "aarch64-linux" ] pkgs; }; };
in
{
  inherit (self) packages checks;
  overlay = (self.overlays.default { callPackage = file: _: { made = toString file; }; } { }).ncps;
  module = builtins.map toString self.nixosModules.ncps.imports;
  shells = builtins.attrNames self.devShells;
}
