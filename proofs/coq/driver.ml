(* Writes the oracle's table to standard output: each cell of the quotient as
   four bytes (verdict + 4 * version + 8 * budget, exposure, rules low, rules
   high), then the additions as one byte each, then nu of all 3^12 authorities
   as three bytes each. The order of the loops is that of proofs/cells.py. *)

open Oracle

let flags = [ false; true ]
let seen =
  [ (false, false, false, false); (false, true, false, false) ]
  @ List.concat_map
      (fun s -> List.concat_map (fun f -> List.map (fun u -> (true, u, f, s)) flags) flags)
      flags

let sinks =
  List.concat_map
    (fun c -> List.concat_map (fun i -> List.map (fun e -> sink_of_bits e i c) flags) flags)
    flags

let levels = [ Never; LowRisk; Always ]
let scopes = [ ScopeDeny; ScopeAsk; ScopeAllow ]
let trusts = [ Stranger; WhileClean; Trusted ]

let byte n = output_byte stdout (n land 255)

let each list f = List.iter f list

let () =
  set_binary_mode_out stdout true;
  each all_ops (fun o ->
  each flags (fun live ->
  each levels (fun l ->
  each [ 0; 1; 2 ] (fun cost ->
  each scopes (fun sc ->
  each seen (fun (p, u, f, s) ->
  each sinks (fun k ->
  each trusts (fun t ->
  each flags (fun home ->
  each flags (fun att ->
  each flags (fun pub ->
  each flags (fun fix ->
  each flags (fun app ->
    let (((verdict, rules), exposure), budget), version =
      cell o live l cost sc p u f s k t home att pub fix app in
    byte (verdict + 4 * version + 8 * budget);
    byte exposure;
    byte rules;
    byte (rules lsr 8))))))))))))));
  each all_ops (fun o ->
  each sinks (fun k ->
  each flags (fun att ->
  each flags (fun pub ->
  each flags (fun fix -> byte (addition o k att pub fix))))));
  (* The first capability turns slowest. *)
  let rec authorities count chosen =
    if count = 0 then begin
      let n = nu_code (List.rev chosen) in
      byte n; byte (n lsr 8); byte (n lsr 16)
    end else each levels (fun l -> authorities (count - 1) (l :: chosen)) in
  authorities 12 []
