{
  description = "ncps, a proxy cache for Nix";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs =
    { self, nixpkgs }:
    let
      systems = [ "x86_64-linux" "aarch64-linux" ];
      forAll = make: nixpkgs.lib.genAttrs systems (system: make nixpkgs.legacyPackages.${system});
    in
    {
      overlays.default = final: _: { ncps = final.callPackage ./packaging/nixos/package.nix { }; };

      packages = forAll (pkgs: rec {
        ncps = pkgs.callPackage ./packaging/nixos/package.nix { };
        default = ncps;
      });

      nixosModules.ncps = {
        # Instead of the module of the same name that nixpkgs has.
        disabledModules = [ "services/networking/ncps.nix" ];
        imports = [ ./packaging/nixos/module.nix ];
        nixpkgs.overlays = [ self.overlays.default ];
      };
      nixosModules.default = self.nixosModules.ncps;

      devShells = forAll (pkgs: {
        default = pkgs.mkShell.override { stdenv = pkgs.llvmPackages_19.stdenv; } {
          inputsFrom = [ self.packages.${pkgs.stdenv.hostPlatform.system}.ncps ];
          packages = [ pkgs.ccache pkgs.gtest pkgs.llvmPackages_19.clang-tools pkgs.lld_19 ];
        };
      });

      checks = forAll (pkgs: {
        package = self.packages.${pkgs.stdenv.hostPlatform.system}.ncps;
        vm = pkgs.testers.runNixOSTest (import ./packaging/nixos/test.nix { module = self.nixosModules.ncps; });
      });
    };
}
