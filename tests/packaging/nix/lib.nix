# As much of nixpkgs' lib as packaging/nixos/module.nix uses, and an evaluation of that one module: options are
# declared before they are set, every value is of its option's type, renamed options reach their new place.
let
  inherit (builtins) all attrNames concatMap elem filter foldl' hasAttr head isAttrs isBool isInt isList isString listToAttrs map substring stringLength tail;

  isOption = node: isAttrs node && node._type or "" == "option";
  isIf = node: isAttrs node && node._type or "" == "if";

  at = path: set: if path == [ ] then { found = true; value = set; } else if isAttrs set && hasAttr (head path) set then at (tail path) set.${head path} else { found = false; };
  put = path: value: if path == [ ] then value else { ${head path} = put (tail path) value; };
  show = path: foldl' (shown: word: if shown == "" then word else "${shown}.${word}") "" path;

  # mkIf, wherever it stands.
  discharge = node:
    if isIf node then (if node.condition then discharge node.content else null)
    else if isAttrs node && !(node ? outPath) then builtins.mapAttrs (_: discharge) node
    else node;
in
rec {
  inherit filter map;
  mkOption = given: given // { _type = "option"; };
  mkEnableOption = what: mkOption { type = types.bool; default = false; description = "Whether to enable ${what}."; };
  mkPackageOption = pkgs: name: _: mkOption { type = types.raw; default = pkgs.${name}; description = "The package."; };
  mkIf = condition: content: { _type = "if"; inherit condition content; };
  mkRenamedOptionModule = from: to: { renamed = { inherit from to; }; };
  getExe = package: "${package}/bin/${package.meta.mainProgram}";
  optionalAttrs = condition: set: if condition then set else { };
  hasPrefix = prefix: text: substring 0 (stringLength prefix) text == prefix;
  recursiveUpdate = under: over:
    if isAttrs under && isAttrs over then
      under // builtins.mapAttrs (name: value: if hasAttr name under then recursiveUpdate under.${name} value else value) over
    else over;
  filterAttrsRecursive = keep: set:
    listToAttrs (concatMap (name:
      let value = set.${name}; in
      if !(keep name value) then [ ]
      else [ { inherit name; value = if isAttrs value then filterAttrsRecursive keep value else value; } ]
    ) (attrNames set));

  types =
    let type = name: check: { inherit name check; };
    in
    {
      bool = type "bool" isBool;
      int = type "int" isInt;
      str = type "str" isString;
      attrs = type "attrs" isAttrs;
      raw = type "raw" (_: true);
      enum = values: type "enum" (value: elem value values);
      nullOr = inner: type "nullOr ${inner.name}" (value: value == null || inner.check value);
      listOf = inner: type "listOf ${inner.name}" (value: isList value && all inner.check value);
    };

  # What the module makes of these definitions: { services.ncps = …; }
  evaluate = { module, pkgs, definitions }:
    let
      lib = import ./lib.nix;
      made = module { inherit lib pkgs; config = values; };
      moved = foldl' (given: import':
        let old = at import'.renamed.from given;
        in if old.found then recursiveUpdate given (put import'.renamed.to old.value) else given) definitions made.imports;
      old = map (import': import'.renamed.from) made.imports;

      fill = path: options: given:
        if isOption options then
          let value = if given.found then given.value else options.default or (throw "${show path} is used but not defined");
          in if options.type.check value then value else throw "${show path} is no ${options.type.name}"
        else
          let
            set = if given.found then given.value else { };
            unknown = filter (name: !(hasAttr name options) && !(elem (path ++ [ name ]) old) && !(isOldWay (path ++ [ name ]))) (attrNames set);
          in
          if unknown != [ ] then throw "there is no option ${show (path ++ [ (head unknown) ])}"
          else builtins.mapAttrs (name: below: fill (path ++ [ name ]) below (at [ name ] set)) options;
      isOldWay = path: filter (one: foldl' (same: i: same && builtins.elemAt one i == builtins.elemAt path i) (builtins.length one > builtins.length path)
        (builtins.genList (i: i) (builtins.length path))) old != [ ];

      values = { services.ncps = fill [ "services" "ncps" ] made.options.services.ncps { found = true; value = moved.services.ncps; }; };
      result = discharge made.config;
      broken = filter (one: !one.assertion) result.assertions;
    in
    if result == null then { }
    else if broken != [ ] then throw (head broken).message
    else removeAttrs result [ "assertions" ];
}
