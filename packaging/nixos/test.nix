# A virtual machine with a cache, one with ncps in front of it, one that asks ncps: nix flake check
{ module }:

{ pkgs, ... }:
{
  name = "ncps";

  nodes = {
    harmonia = {
      services.harmonia = {
        enable = true;
        signKeyPaths = [
          (pkgs.writeText "cache-key" "cache.example.com-1:y2J05vSAM9/oIYPb8Su+Quvop4oio+TIXucFnWpto6QxN+8fKHDfy0HlE6aVcMGPFxugAT8caWJoxufV7lmr4g==")
        ];
        settings.priority = 35;
      };
      networking.firewall.allowedTCPPorts = [ 5000 ];
      system.extraDependencies = [ pkgs.emptyFile ];
    };

    ncps = {
      imports = [ module ];
      services.ncps = {
        enable = true;
        cache = {
          hostName = "ncps";
          secretKeyPath = toString (pkgs.writeText "ncps-key" "ncps:QIjDIt9SiA+qtR8VoLDfyZNqL03BnG4N+13Q+KScrS9IUkyf8K1rnyGfEVpHhgm8iiwYsIDDeW54A1KmdyDOmg==");
          upstream = {
            urls = [ "http://harmonia:5000" ];
            publicKeys = [ "cache.example.com-1:MTfvHyhw38tB5ROmlXDBjxcboAE/HGliaMbn1e5Zq+I=" ];
          };
        };
      };
      networking.firewall.allowedTCPPorts = [ 8501 ];
    };

    client = {
      nix.settings = {
        substituters = pkgs.lib.mkForce [ "http://ncps:8501" ];
        trusted-public-keys = pkgs.lib.mkForce [ "ncps:SFJMn/Cta58hnxFaR4YJvIosGLCAw3lueANSpncgzpo=" ];
      };
    };
  };

  testScript =
    let
      narinfo = hash: "/var/lib/ncps/storage/store/narinfo/${builtins.substring 0 1 hash}/${builtins.substring 0 2 hash}/${hash}.narinfo";
      hash = builtins.head (builtins.match "/nix/store/([a-z0-9]{32})-.*" (toString pkgs.emptyFile.outPath));
    in
    ''
      start_all()
      harmonia.wait_for_unit("harmonia.service")
      ncps.wait_for_unit("ncps.service")
      client.wait_for_unit("multi-user.target")
      client.succeed("curl --fail http://ncps:8501/ | grep -q '\"hostname\":\"ncps\"'")
      client.succeed("nix-store --realise ${pkgs.emptyFile}")
      client.succeed("test -f ${pkgs.emptyFile}")
      ncps.succeed("test -f ${narinfo hash}")
      ncps.succeed("systemctl reload ncps.service")
      ncps.succeed("systemctl restart ncps.service")
    '';
}
