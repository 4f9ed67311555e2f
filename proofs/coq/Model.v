(* An independent model of the kernel, in its own words: no bits, no ints but
   amounts. Written from the design, not from the Python code.

   Read: words, the request, floors, the rules, decide, then children. *)

Require Import Bool List ZArith Lia.
Import ListNotations.
Open Scope Z_scope.

(* Words -------------------------------------------------------------------- *)

Inductive op :=
| ReadFiles | WriteFiles | EditFiles | RunBash | GlobSearch | GrepSearch
| WebSearch | WebFetch | GitCommit | GitPush | CreatePr | ManagePods.

Inductive level := Never | LowRisk | Always.

Definition authority := op -> level.

Definition rank (l : level) : Z := match l with Never => 0 | LowRisk => 1 | Always => 2 end.
Definition lower (a b : level) : level := if rank a <=? rank b then a else b.
Definition meet (a b : authority) : authority := fun o => lower (a o) (b o).
Definition below (a b : authority) : Prop := forall o, rank (a o) <= rank (b o).

(* What was seen. [foreign] and [secret] refine [private]. *)
Record seen := Seen { private : bool; untrusted : bool; sent : bool; foreign : bool; secret : bool }.

Definition nothing := Seen false false false false false.
Definition both (e f : seen) : seen :=
  Seen (private e || private f) (untrusted e || untrusted f) (sent e || sent f)
       (foreign e || foreign f) (secret e || secret f).
Definition refined (e : seen) : bool := implb (foreign e || secret e) (private e).
Definition included (e f : seen) : Prop := both e f = f.

Record sink := Sink { egress : bool; irreversible : bool; control : bool }.
Definition any (k : sink) : bool := egress k || irreversible k || control k.

Inductive scope := ScopeDeny | ScopeAsk | ScopeAllow.
Inductive trust := Stranger | WhileClean | Trusted.

Record request := Request {
  r_op : op; r_cost : Z; r_live : bool; r_legs : seen; r_carried : seen; r_sink : sink;
  r_scope : scope; r_trust : trust; r_home : bool;
  r_attested : bool; r_public : bool; r_fixed : bool; r_approved : bool }.

Record state := State { s_auth : authority; s_seen : seen; s_budget : Z; s_version : Z }.

Inductive rule :=
| Session | Malformed | Capability | ScopeRule | Budget
| ControlRule | Destination | SecretRule | Uninhabitable | LowRiskRule.

Inductive verdict := Deny | Ask | Allow.

(* Floors: what an operation is by nature ------------------------------------- *)

Definition nature_legs (r : request) : seen :=
  match r_op r with
  | RunBash => if r_attested r then Seen (negb (r_public r)) false false false false
               else Seen true true false false false
  | ReadFiles | GlobSearch | GrepSearch => Seen (negb (r_public r)) false false false false
  | WebSearch | WebFetch => Seen false true false false false
  | _ => nothing
  end.

Definition nature_carried (r : request) : seen :=
  match r_op r with
  | RunBash => both (r_legs r) (nature_legs r)
  | GitPush => Seen (negb (r_public r)) false false false false
  | _ => nothing
  end.

Definition nature_sink (r : request) : sink :=
  match r_op r with
  | RunBash => Sink (negb (r_attested r)) (negb (r_attested r)) false
  | WebSearch | WebFetch => Sink (negb (r_fixed r)) false false
  | GitPush | CreatePr => Sink (negb (r_fixed r)) (negb (r_fixed r)) false
  | ManagePods => Sink true false true
  | _ => Sink false false false
  end.

Definition legs (r : request) : seen := both (r_legs r) (nature_legs r).
Definition carried (r : request) : seen := both (r_carried r) (nature_carried r).
Definition sink_of (r : request) : sink :=
  let n := nature_sink r in
  Sink (egress (r_sink r) || egress n) (irreversible (r_sink r) || irreversible n)
       (control (r_sink r) || control n).

(* The rules ------------------------------------------------------------------ *)

Definition largest : Z := 9007199254740991.

Definition in_session (s : state) (r : request) : bool :=
  r_live r && refined (s_seen s) && (0 <=? s_budget s) && (s_budget s <=? largest)
  && (0 <=? s_version s) && (s_version s <? largest).

Definition well_formed (r : request) : bool :=
  (0 <=? r_cost r) && refined (r_legs r) && refined (r_carried r).

Definition refusal (s : state) (r : request) : option rule :=
  if negb (in_session s r) then Some Session
  else if negb (well_formed r) then Some Malformed
  else match s_auth s (r_op r) with
       | Never => Some Capability
       | _ => match r_scope r with
              | ScopeDeny => Some ScopeRule
              | _ => if s_budget s <? r_cost r then Some Budget else None
              end
       end.

Definition stranger (r : request) (here : seen) : bool :=
  match r_trust r with Stranger => true | WhileClean => private here | Trusted => false end.

Definition is_low (l : level) : bool := match l with LowRisk => true | _ => false end.
Definition scope_asks (r : request) : bool := match r_scope r with ScopeAsk => true | _ => false end.

Definition when (c : bool) (r : rule) : list rule := if c then [r] else [].

Definition questions (s : state) (r : request) : list rule :=
  let k := sink_of r in
  let here := both (s_seen s) (carried r) in
  when (scope_asks r) ScopeRule
  ++ when (control k) ControlRule
  ++ when ((egress k || irreversible k) && stranger r here) Destination
  ++ when (egress k && secret here) SecretRule
  ++ when (egress k && untrusted here && (if r_home r then foreign here else private here)) Uninhabitable
  ++ when (is_low (s_auth s (r_op r)) && any k && untrusted here) LowRiskRule.

(* What an allowed call adds to what was seen. *)
Definition adds (r : request) : seen :=
  both (legs r) (Seen false false (egress (sink_of r)) false false).

Definition eqb_seen (e f : seen) : bool :=
  Bool.eqb (private e) (private f) && Bool.eqb (untrusted e) (untrusted f) && Bool.eqb (sent e) (sent f)
  && Bool.eqb (foreign e) (foreign f) && Bool.eqb (secret e) (secret f).

Definition after (s : state) (r : request) : state :=
  let e := both (s_seen s) (adds r) in
  let changed := negb (eqb_seen e (s_seen s)) || negb (r_cost r =? 0) in
  State (s_auth s) e (s_budget s - r_cost r) (s_version s + if changed then 1 else 0).

Record answer := Answer { a_verdict : verdict; a_rules : list rule; a_state : state }.

Definition decide (s : state) (r : request) : answer :=
  match refusal s r with
  | Some why => Answer Deny [why] s
  | None =>
      match questions s r with
      | [] => Answer Allow [] (after s r)
      | asked => if r_approved r then Answer Allow asked (after s r) else Answer Ask asked s
      end
  end.

(* Children -------------------------------------------------------------------- *)

Definition bump (s : state) (changed : bool) : Z :=
  if changed && (s_version s <? largest) then s_version s + 1 else s_version s.

(* [None]: what is seen can't be read, and counts as everything. *)
Definition absorb (s : state) (e : option seen) : state :=
  let joined := both (s_seen s)
    match e with Some f => if refined f then f else Seen true true true true true
               | None => Seen true true true true true end in
  State (s_auth s) joined (s_budget s) (bump s (negb (eqb_seen joined (s_seen s)))).

Definition delegate (s : state) (a : authority) (b : Z) : option (state * state) :=
  if (0 <=? b) && (b <=? s_budget s) && (s_version s <? largest)
  then Some (State (s_auth s) (s_seen s) (s_budget s - b) (bump s (negb (b =? 0))),
             State (meet (s_auth s) a) (s_seen s) b 0)
  else None.

(* [changed] is decided by the caller: functions can't be compared. *)
Definition tighten (s : state) (a : authority) (b : Z) (changed : bool) : state :=
  State (meet (s_auth s) a) (s_seen s) (Z.max 0 (Z.min (s_budget s) b)) (bump s changed).

(* nu ---------------------------------------------------------------------------- *)

Record leg := Leg { l_private : bool; l_untrusted : bool; l_exfil : bool }.
Definition legs_of (o : op) : leg :=
  match o with
  | ReadFiles | GlobSearch | GrepSearch => Leg true false false
  | RunBash => Leg true true true
  | WebSearch | WebFetch => Leg false true true
  | GitPush | CreatePr => Leg false false true
  | ManagePods => Leg false false true
  | _ => Leg false false false
  end.

Definition all_ops : list op :=
  [ReadFiles; WriteFiles; EditFiles; RunBash; GlobSearch; GrepSearch;
   WebSearch; WebFetch; GitCommit; GitPush; CreatePr; ManagePods].

Definition held (a : authority) (o : op) : bool := match a o with Never => false | _ => true end.
Definition reaches (a : authority) (f : leg -> bool) : bool := existsb (fun o => held a o && f (legs_of o)) all_ops.
Definition nu (a : authority) : authority :=
  let complete := reaches a l_private && reaches a l_untrusted && reaches a l_exfil in
  fun o => if complete && l_exfil (legs_of o) then lower (a o) LowRisk else a o.
