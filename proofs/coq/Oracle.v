(* The model's answers as ints, for the comparison with the Python kernel.
   The coding of words as ints is said here once more, apart from the theorems. *)

Require Import Bool List ZArith.
Require Import Model.
Require Import ExtrOcamlBasic ExtrOcamlZInt.
Import ListNotations.
Open Scope Z_scope.

Definition bit (b : bool) (weight : Z) : Z := if b then weight else 0.
Definition code_seen (e : seen) : Z :=
  bit (private e) 1 + bit (untrusted e) 2 + bit (sent e) 4 + bit (foreign e) 8 + bit (secret e) 16.
Definition code_rule (r : rule) : Z :=
  match r with
  | Session => 1 | Malformed => 2 | Capability => 4 | ScopeRule => 8 | Budget => 16
  | ControlRule => 32 | Destination => 64 | SecretRule => 128 | Uninhabitable => 256 | LowRiskRule => 512
  end.
Definition code_rules (rs : list rule) : Z := fold_right (fun r n => code_rule r + n) 0 rs.
Definition code_verdict (v : verdict) : Z := match v with Deny => 0 | Ask => 1 | Allow => 2 end.
Definition code_level (l : level) : Z := match l with Never => 0 | LowRisk => 1 | Always => 3 end.

(* One cell of the quotient: state and request are the representatives. *)
Definition cell (o : op) (live : bool) (l : level) (cost : Z) (sc : scope) (p u f s : bool) (k : sink)
    (t : trust) (home att pub fix_ app : bool) : Z * Z * Z * Z * Z :=
  let a := decide (State (fun _ => l) (Seen p u false f s) 1 0)
                  (Request o cost live nothing nothing k sc t home att pub fix_ app) in
  (code_verdict (a_verdict a), code_rules (a_rules a), code_seen (s_seen (a_state a)),
   s_budget (a_state a), s_version (a_state a)).

(* What an allowed call adds to the exposure beyond its claimed legs. *)
Definition addition (o : op) (k : sink) (att pub fix_ : bool) : Z :=
  code_seen (adds (Request o 0 true nothing nothing k ScopeAllow Trusted false att pub fix_ true)).

Definition op_index (o : op) : nat :=
  match o with
  | ReadFiles => 0 | WriteFiles => 1 | EditFiles => 2 | RunBash => 3 | GlobSearch => 4 | GrepSearch => 5
  | WebSearch => 6 | WebFetch => 7 | GitCommit => 8 | GitPush => 9 | CreatePr => 10 | ManagePods => 11
  end%nat.

(* nu of the authority whose levels are listed in the order of the capabilities. *)
Definition nu_code (levels : list level) : Z :=
  let a := nu (fun o => nth (op_index o) levels Never) in
  fold_right (fun o n => code_level (a o) + 4 * n) 0 all_ops.

Definition sink_of_bits (e i c : bool) : sink := Sink e i c.

Extraction "oracle.ml" cell addition nu_code sink_of_bits all_ops.
