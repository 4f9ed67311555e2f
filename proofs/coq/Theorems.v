(* What holds of the model over runs of any length, by induction. *)

Require Import Bool List ZArith Lia.
Require Import Model.
Import ListNotations.
Open Scope Z_scope.

(* Exposure is a join semilattice --------------------------------------------- *)

Lemma both_assoc e f g : both e (both f g) = both (both e f) g.
Proof. destruct e, f, g; unfold both; cbn; rewrite !orb_assoc; reflexivity. Qed.

Lemma both_comm e f : both e f = both f e.
Proof.
  destruct e, f; unfold both; cbn.
  rewrite (orb_comm private0), (orb_comm untrusted0), (orb_comm sent0), (orb_comm foreign0), (orb_comm secret0).
  reflexivity.
Qed.

Lemma both_idem e : both e e = e.
Proof. destruct e; unfold both; cbn; rewrite !orb_diag; reflexivity. Qed.

Lemma both_nothing e : both e nothing = e.
Proof. destruct e; unfold both, nothing; cbn; rewrite !orb_false_r; reflexivity. Qed.

Lemma included_refl e : included e e.
Proof. apply both_idem. Qed.

Lemma included_trans e f g : included e f -> included f g -> included e g.
Proof. unfold included; intros H K; rewrite <- K, both_assoc, H; reflexivity. Qed.

Lemma included_join e f : included e (both e f).
Proof. unfold included; rewrite both_assoc, both_idem; reflexivity. Qed.

Lemma included_join_r e f : included f (both e f).
Proof. rewrite both_comm; apply included_join. Qed.

Lemma included_private e f : included e f -> private e = true -> private f = true.
Proof. unfold included; intros H P; rewrite <- H; cbn; rewrite P; reflexivity. Qed.

Lemma included_untrusted e f : included e f -> untrusted e = true -> untrusted f = true.
Proof. unfold included; intros H P; rewrite <- H; cbn; rewrite P; reflexivity. Qed.

Lemma included_secret e f : included e f -> secret e = true -> secret f = true.
Proof. unfold included; intros H P; rewrite <- H; cbn; rewrite P; reflexivity. Qed.

Lemma refined_both e f : refined e = true -> refined f = true -> refined (both e f) = true.
Proof. destruct e as [[] ? ? [] []], f as [[] ? ? [] []]; cbn; auto. Qed.

(* Events and runs ---------------------------------------------------------------- *)

(* What can happen to a principal: a request, something seen outside of a call
   (a child's exposure among it), a tightening, a child born. *)
Inductive event :=
| Asks (r : request)
| Sees (e : option seen)
| Tightens (a : authority) (b : Z) (changed : bool)
| Bears (a : authority) (b : Z).

Definition next (s : state) (x : event) : state :=
  match x with
  | Asks r => a_state (decide s r)
  | Sees e => absorb s e
  | Tightens a b c => tighten s a b c
  | Bears a b => match delegate s a b with Some (parent, _) => parent | None => s end
  end.

Definition run (s : state) (xs : list event) : state := fold_left next xs s.

(* The order in which nothing is given back. *)
Record tighter (t s : state) : Prop := Tighter {
  t_auth : below (s_auth t) (s_auth s);
  t_seen : included (s_seen s) (s_seen t);
  t_budget : s_budget t <= s_budget s }.

Lemma below_refl a : below a a.
Proof. intro o; lia. Qed.

Lemma below_trans a b c : below a b -> below b c -> below a c.
Proof. intros H K o; specialize (H o); specialize (K o); lia. Qed.

Lemma lower_left x y : rank (lower x y) <= rank x.
Proof. unfold lower; destruct (rank x <=? rank y) eqn:E; [lia|]. apply Z.leb_gt in E; lia. Qed.

Lemma lower_right x y : rank (lower x y) <= rank y.
Proof. unfold lower; destruct (rank x <=? rank y) eqn:E; [apply Z.leb_le in E|]; lia. Qed.

Lemma meet_left a b : below (meet a b) a.
Proof. intro o; apply lower_left. Qed.

Lemma meet_right a b : below (meet a b) b.
Proof. intro o; apply lower_right. Qed.

Lemma tighter_refl s : tighter s s.
Proof. split; [apply below_refl | apply included_refl | lia]. Qed.

Lemma tighter_trans s t u : tighter t s -> tighter u t -> tighter u s.
Proof.
  intros [A B C] [A' B' C']; split.
  - eapply below_trans; eauto.
  - eapply included_trans; eauto.
  - lia.
Qed.

Lemma allowed s r : a_verdict (decide s r) = Allow ->
  refusal s r = None /\ a_state (decide s r) = after s r /\ (r_approved r = true \/ questions s r = []).
Proof.
  unfold decide; destruct (refusal s r); cbn; [discriminate|].
  destruct (questions s r) eqn:Q; cbn; [auto|].
  destruct (r_approved r); cbn; [auto | discriminate].
Qed.

Lemma not_allowed s r : a_verdict (decide s r) <> Allow -> a_state (decide s r) = s.
Proof.
  unfold decide; destruct (refusal s r); cbn; [reflexivity|].
  destruct (questions s r); cbn; [congruence|].
  destruct (r_approved r); cbn; [congruence | reflexivity].
Qed.

Lemma refusal_none s r : refusal s r = None ->
  s_auth s (r_op r) <> Never /\ 0 <= r_cost r <= s_budget s /\
  in_session s r = true /\ well_formed r = true.
Proof.
  unfold refusal; destruct (in_session s r) eqn:I; cbn; [|discriminate].
  destruct (well_formed r) eqn:W; cbn; [|discriminate].
  destruct (s_auth s (r_op r)) eqn:A; [discriminate| |];
    (destruct (r_scope r); [discriminate| |];
     (destruct (s_budget s <? r_cost r) eqn:B; [discriminate|]; intros _;
      apply Z.ltb_ge in B; unfold well_formed in W;
      apply andb_prop in W as [W _]; apply andb_prop in W as [W _]; apply Z.leb_le in W;
      repeat split; try discriminate; try lia; auto)).
Qed.

Definition is_allow (v : verdict) : {v = Allow} + {v <> Allow}.
Proof. destruct v; (left; reflexivity) || (right; discriminate). Defined.

Lemma next_tighter s x : 0 <= s_budget s -> tighter (next s x) s.
Proof.
  intro P; destruct x as [r | e | a b c | a b]; cbn.
  - destruct (is_allow (a_verdict (decide s r))) as [H | H].
    + apply allowed in H as [N [-> _]]. apply refusal_none in N as [_ [C _]].
      split; cbn; [apply below_refl | apply included_join | lia].
    + rewrite (not_allowed _ _ H); apply tighter_refl.
  - split; cbn; [apply below_refl | apply included_join | lia].
  - split; cbn; [apply meet_left | apply included_refl | lia].
  - unfold delegate.
    destruct ((0 <=? b) && (b <=? s_budget s) && (s_version s <? largest)) eqn:E; [|apply tighter_refl].
    apply andb_prop in E as [E _]; apply andb_prop in E as [E _]; apply Z.leb_le in E.
    split; cbn; [apply below_refl | apply included_refl | lia].
Qed.

Lemma next_budget s x : 0 <= s_budget s -> 0 <= s_budget (next s x).
Proof.
  intro P; destruct x as [r | e | a b c | a b]; cbn.
  - destruct (is_allow (a_verdict (decide s r))) as [H | H].
    + apply allowed in H as [N [-> _]]. apply refusal_none in N as [_ [C _]]; cbn; lia.
    + rewrite (not_allowed _ _ H); exact P.
  - exact P.
  - lia.
  - unfold delegate.
    destruct ((0 <=? b) && (b <=? s_budget s) && (s_version s <? largest)) eqn:E; [|exact P].
    apply andb_prop in E as [E _]; apply andb_prop in E as [_ E]; apply Z.leb_le in E; cbn; lia.
Qed.

(* Ratchet: no run, however long, gives back authority or budget, or forgets. *)
Theorem ratchet : forall xs s, 0 <= s_budget s -> tighter (run s xs) s /\ 0 <= s_budget (run s xs).
Proof.
  induction xs as [|x xs IH]; intros s P; cbn.
  - split; [apply tighter_refl | exact P].
  - destruct (IH (next s x) (next_budget s x P)) as [T B]; split; [|exact B].
    eapply tighter_trans; [apply next_tighter; exact P | exact T].
Qed.

(* A refusal or a question changes nothing. *)
Theorem refusal_changes_nothing : forall s r, a_verdict (decide s r) <> Allow -> a_state (decide s r) = s.
Proof. exact not_allowed. Qed.

(* No capability = never: what a principal does not hold at its start is denied
   after every run, approval included. *)
Theorem no_capability_never : forall xs s r,
  0 <= s_budget s -> s_auth s (r_op r) = Never -> a_verdict (decide (run s xs) r) = Deny.
Proof.
  intros xs s r P N. destruct (ratchet xs s P) as [[A _ _] _].
  specialize (A (r_op r)); rewrite N in A; cbn in A.
  unfold decide, refusal.
  destruct (negb (in_session (run s xs) r)); [reflexivity|].
  destruct (negb (well_formed r)); [reflexivity|].
  destruct (s_auth (run s xs) (r_op r)); cbn in *; [reflexivity | lia | lia].
Qed.

(* Homomorphic exposure: after a run of requests, exposure is the start joined
   with what the allowed ones add; order and repetition do not matter. *)
Fixpoint added (s : state) (rs : list request) : seen :=
  match rs with
  | [] => nothing
  | r :: rest =>
      both (if is_allow (a_verdict (decide s r)) then adds r else nothing) (added (a_state (decide s r)) rest)
  end.

Theorem homomorphic_exposure : forall rs s, s_seen (run s (map Asks rs)) = both (s_seen s) (added s rs).
Proof.
  induction rs as [|r rs IH]; intro s; cbn.
  - symmetry; apply both_nothing.
  - unfold run in IH; rewrite IH.
    destruct (is_allow (a_verdict (decide s r))) as [H | H].
    + apply allowed in H as [_ [-> _]]; cbn; rewrite both_assoc; reflexivity.
    + rewrite (not_allowed _ _ H); f_equal.
      rewrite both_comm; symmetry; apply both_nothing.
Qed.

(* What an allowed call shows by nature is remembered from then on. *)
Lemma remembers s r xs : 0 <= s_budget s -> a_verdict (decide s r) = Allow ->
  included (nature_legs r) (s_seen (run (a_state (decide s r)) xs)).
Proof.
  intros P H.
  assert (B : 0 <= s_budget (a_state (decide s r))) by (apply (next_budget s (Asks r) P)).
  destruct (ratchet xs _ B) as [[_ I _] _].
  eapply included_trans; [|exact I].
  apply allowed in H as [_ [-> _]]; cbn.
  eapply included_trans; [|apply included_join_r]. unfold adds.
  eapply included_trans; [|apply included_join]. apply included_join_r.
Qed.

(* Questions that are not asked --------------------------------------------------- *)

Lemma when_nil c r : when c r = [] -> c = false.
Proof. destruct c; cbn; [discriminate | reflexivity]. Qed.

Ltac split_questions Q :=
  unfold questions in Q; cbv zeta in Q;
  apply app_eq_nil in Q as [_ Q];
  apply app_eq_nil in Q as [Qcontrol Q]; apply app_eq_nil in Q as [Qdest Q];
  apply app_eq_nil in Q as [Qsecret Q]; apply app_eq_nil in Q as [Quninh Qlow];
  apply when_nil in Qcontrol, Qdest, Qsecret, Quninh, Qlow.

Lemma unasked s r : a_verdict (decide s r) = Allow -> r_approved r = false -> questions s r = [].
Proof. intros H A; apply allowed in H as [_ [_ [H | H]]]; congruence. Qed.

Lemma nature_egress r : egress (nature_sink r) = true -> egress (sink_of r) = true.
Proof. intro H; cbn; rewrite H; apply orb_true_r. Qed.

(* No silent exfiltration: take any run; if in it private data was shown to the
   principal by an allowed call, and untrusted content by another one, then no
   later egress (by the nature of the operation, not by the caller's word) to
   anything but the home remote is allowed without an approval. *)
Theorem no_silent_exfiltration : forall s xs r,
  0 <= s_budget s ->
  private (s_seen (run s xs)) = true -> untrusted (s_seen (run s xs)) = true ->
  egress (nature_sink r) = true -> r_home r = false -> r_approved r = false ->
  a_verdict (decide (run s xs) r) <> Allow.
Proof.
  intros s xs r P Hp Hu He Hh Ha H.
  pose proof (unasked _ _ H Ha) as Q. split_questions Q.
  rewrite (nature_egress _ He), Hh in Quninh; cbn in Quninh.
  rewrite Hp, Hu in Quninh; discriminate.
Qed.

Theorem shown_private_then_untrusted_asks : forall s r1 xs r2 ys r,
  0 <= s_budget s ->
  let s1 := a_state (decide s r1) in
  let s2 := run s1 xs in
  let s3 := run (a_state (decide s2 r2)) ys in
  a_verdict (decide s r1) = Allow -> private (nature_legs r1) = true ->
  a_verdict (decide s2 r2) = Allow -> untrusted (nature_legs r2) = true ->
  egress (nature_sink r) = true -> r_home r = false -> r_approved r = false ->
  a_verdict (decide s3 r) <> Allow.
Proof.
  intros s r1 xs r2 ys r P s1 s2 s3 A1 Hp A2 Hu He Hh Ha.
  assert (B1 : 0 <= s_budget s1) by (apply (next_budget s (Asks r1) P)).
  destruct (ratchet xs s1 B1) as [_ B2]. fold s2 in B2.
  assert (B3 : 0 <= s_budget (a_state (decide s2 r2))) by (apply (next_budget s2 (Asks r2) B2)).
  apply (no_silent_exfiltration _ ys r B3); auto.
  - destruct (ratchet ys _ B3) as [[_ I _] _].
    destruct (next_tighter s2 (Asks r2) B2) as [_ J _]; cbn in J.
    apply (included_private (nature_legs r1)); [|exact Hp].
    eapply included_trans; [apply (remembers s r1 xs P A1)|].
    eapply included_trans; [exact J | exact I].
  - apply (included_untrusted (nature_legs r2)); [|exact Hu].
    apply remembers; auto.
Qed.

(* No secret leaves unasked, and nothing leaves unasked for a stranger. *)
Theorem no_silent_secret : forall s xs r,
  secret (s_seen (run s xs)) = true -> egress (nature_sink r) = true -> r_approved r = false ->
  a_verdict (decide (run s xs) r) <> Allow.
Proof.
  intros s xs r Hs He Ha H.
  pose proof (unasked _ _ H Ha) as Q. split_questions Q.
  rewrite (nature_egress _ He) in Qsecret; cbn in Qsecret; rewrite Hs in Qsecret; discriminate.
Qed.

Theorem no_silent_stranger : forall s xs r,
  egress (nature_sink r) = true -> r_trust r = Stranger -> r_approved r = false ->
  a_verdict (decide (run s xs) r) <> Allow.
Proof.
  intros s xs r He Ht Ha H.
  pose proof (unasked _ _ H Ha) as Q. split_questions Q.
  rewrite (nature_egress _ He) in Qdest; unfold stranger in Qdest; rewrite Ht in Qdest; discriminate.
Qed.

(* A child never holds more than its parent, over any run of the child; and the
   budgets of the two together never exceed what the parent had. *)
Theorem child_ceiling : forall s a b parent child xs,
  0 <= s_budget s -> delegate s a b = Some (parent, child) ->
  below (s_auth (run child xs)) (s_auth s) /\ below (s_auth (run child xs)) a /\
  included (s_seen s) (s_seen (run child xs)) /\
  s_budget parent + s_budget child = s_budget s /\ s_budget (run child xs) <= b.
Proof.
  intros s a b parent child xs P D; unfold delegate in D.
  destruct ((0 <=? b) && (b <=? s_budget s) && (s_version s <? largest)) eqn:E; [|discriminate].
  apply andb_prop in E as [E _]; apply andb_prop in E as [E _]; apply Z.leb_le in E.
  injection D as <- <-.
  assert (C : 0 <= s_budget (State (meet (s_auth s) a) (s_seen s) b 0)) by exact E.
  destruct (ratchet xs _ C) as [[A I B] _]; cbn in *.
  repeat split; auto; try lia.
  - eapply below_trans; [exact A | apply meet_left].
  - eapply below_trans; [exact A | apply meet_right].
Qed.

(* Every fully allowed run of a tighter authority and budget is a run of the looser. *)
Definition all_allowed (s : state) (rs : list request) : Prop :=
  fold_right (fun r k s => a_verdict (decide s r) = Allow /\ k (a_state (decide s r))) (fun _ => True) rs s.

Record looser (t s : state) : Prop := Looser {
  l_auth : below (s_auth s) (s_auth t);
  l_same : s_seen s = s_seen t;
  l_budget : s_budget s <= s_budget t;
  l_limit : s_budget t <= largest;
  l_version : s_version s = s_version t }.

Lemma simulation_step s t r : looser t s -> a_verdict (decide s r) = Allow ->
  a_verdict (decide t r) = Allow /\ looser (a_state (decide t r)) (a_state (decide s r)).
Proof.
  intros [LA LE LB LL LV] H.
  pose proof (allowed _ _ H) as [N [S Q]].
  pose proof (refusal_none _ _ N) as [C [K [I W]]].
  assert (N' : refusal t r = None).
  { unfold refusal in *. unfold in_session in I.
    assert (J : in_session t r = true).
    { unfold in_session. rewrite <- LE, <- LV.
      repeat (apply andb_prop in I as [I ?]).
      repeat (apply andb_true_intro; split); auto; apply Z.leb_le; lia. }
    rewrite J, W; cbn. specialize (LA (r_op r)).
    destruct (s_auth s (r_op r)) eqn:E; [congruence| |];
      (destruct (s_auth t (r_op r)) eqn:F; cbn in LA; [lia| |];
       (destruct (negb (in_session s r)); [discriminate|]; rewrite W in N; cbn in N;
        destruct (r_scope r); [discriminate| |];
        (destruct (s_budget t <? r_cost r) eqn:G; [apply Z.ltb_lt in G; lia | reflexivity]))). }
  assert (M : r_approved r = true \/ questions t r = []).
  { destruct Q as [Q | Q]; [left; exact Q | right].
    pose proof Q as Q0. unfold questions in Q0; cbv zeta in Q0; apply app_eq_nil in Q0 as [Qs _].
    split_questions Q. unfold questions; cbv zeta. rewrite Qs.
    rewrite <- LE. rewrite Qcontrol, Qdest, Qsecret, Quninh. cbn.
    specialize (LA (r_op r)).
    destruct (s_auth t (r_op r)) eqn:F; cbn; auto.
    destruct (s_auth s (r_op r)) eqn:E; cbn in *; [congruence | | lia].
    rewrite Qlow; reflexivity. }
  assert (V : a_verdict (decide t r) = Allow /\ a_state (decide t r) = after t r).
  { unfold decide; rewrite N'. destruct (questions t r) eqn:X; cbn; auto.
    destruct M as [M | M]; [rewrite M; cbn; auto | discriminate]. }
  destruct V as [V1 V2]; split; [exact V1|]. rewrite V2, S.
  split; cbn; rewrite <- ?LE, ?LV; auto; try lia.
Qed.

Theorem simulation : forall rs s t, looser t s -> all_allowed s rs -> all_allowed t rs.
Proof.
  unfold all_allowed; induction rs as [|r rs IH]; intros s t L H; cbn in *; [exact I|].
  destruct H as [A B]. destruct (simulation_step s t r L A) as [C D]; split; [exact C|].
  eapply IH; [exact D | exact B].
Qed.

(* The quotient --------------------------------------------------------------------- *)

(* The verdict and the rules depend on a finite part of state and request: the
   level of the operation, what is present apart from the past egress, three
   classes of cost, and the small facts. Each class has the representative
   below; the oracle is asked on representatives only. *)
Definition here (s : state) (r : request) : seen :=
  let e := both (both (s_seen s) (r_carried r))
                (match r_op r with RunBash => r_legs r | _ => nothing end) in
  Seen (private e) (untrusted e) false (foreign e) (secret e).

Definition quotient_state (s : state) (r : request) : state :=
  State (fun _ => s_auth s (r_op r)) (here s r) 1 0.

Definition class (s : state) (r : request) : Z :=
  if r_cost r =? 0 then 0 else if r_cost r <=? s_budget s then 1 else 2.

Definition quotient_request (s : state) (r : request) : request :=
  Request (r_op r) (class s r) (r_live r) nothing nothing (r_sink r) (r_scope r) (r_trust r) (r_home r)
          (r_attested r) (r_public r) (r_fixed r) (r_approved r).

Lemma class_fits s r : 0 <= r_cost r -> 0 <= s_budget s -> (1 <? class s r) = (s_budget s <? r_cost r).
Proof.
  intros C B; unfold class. destruct (r_cost r =? 0) eqn:E.
  - apply Z.eqb_eq in E; rewrite E; symmetry; apply Z.ltb_ge; lia.
  - destruct (r_cost r <=? s_budget s) eqn:F; cbn; symmetry.
    + apply Z.leb_le in F; apply Z.ltb_ge; lia.
    + apply Z.leb_gt in F; apply Z.ltb_lt; lia.
Qed.

Definition usable (s : state) : Prop :=
  refined (s_seen s) = true /\ 0 <= s_budget s <= largest /\ 0 <= s_version s < largest.
Definition readable (r : request) : Prop :=
  0 <= r_cost r /\ refined (r_legs r) = true /\ refined (r_carried r) = true.

Lemma here_refined s r : usable s -> readable r -> refined (here s r) = true.
Proof.
  intros [U _] [_ [L C]]; unfold here, refined in *.
  destruct (s_seen s) as [[] ? ? [] []], (r_legs r) as [[] ? ? [] []], (r_carried r) as [[] ? ? [] []];
    cbn in *; try discriminate; destruct (r_op r); reflexivity.
Qed.

Lemma refusal_quotient s r : usable s -> readable r ->
  refusal (quotient_state s r) (quotient_request s r) = refusal s r.
Proof.
  intros U R. pose proof (here_refined s r U R) as F.
  destruct U as [U [[B1 B2] [V1 V2]]], R as [C [L K]].
  unfold refusal, in_session, well_formed. cbn [s_seen s_budget s_version s_auth quotient_state
    r_live r_cost r_legs r_carried r_op r_scope quotient_request].
  rewrite F, U, L, K, (class_fits s r C B1).
  replace (0 <=? s_budget s) with true by (symmetry; apply Z.leb_le; lia).
  replace (s_budget s <=? largest) with true by (symmetry; apply Z.leb_le; lia).
  replace (0 <=? s_version s) with true by (symmetry; apply Z.leb_le; lia).
  replace (s_version s <? largest) with true by (symmetry; apply Z.ltb_lt; lia).
  replace (0 <=? r_cost r) with true by (symmetry; apply Z.leb_le; lia).
  replace (0 <=? class s r) with true.
  2: { symmetry; apply Z.leb_le; unfold class; destruct (r_cost r =? 0), (r_cost r <=? s_budget s); lia. }
  destruct (r_live r); reflexivity.
Qed.

Lemma questions_quotient s r : questions (quotient_state s r) (quotient_request s r) = questions s r.
Proof.
  unfold questions, sink_of, stranger, here, carried, quotient_state, quotient_request, nature_carried, nature_legs,
    nature_sink, here, scope_asks; cbn.
  destruct s as [a e b v], r as [o c li l k si sc tr ho at_ pu fi ap]; cbn.
  destruct e as [e1 e2 e3 e4 e5], l as [l1 l2 l3 l4 l5], k as [k1 k2 k3 k4 k5]; cbn.
  destruct o; cbn; rewrite ?orb_false_r, ?orb_false_l, ?orb_assoc;
    try reflexivity; destruct at_, pu; cbn;
    rewrite ?orb_false_r, ?orb_false_l, ?orb_true_r, ?orb_assoc; reflexivity.
Qed.

Theorem quotient : forall s r, usable s -> readable r ->
  a_verdict (decide (quotient_state s r) (quotient_request s r)) = a_verdict (decide s r) /\
  a_rules (decide (quotient_state s r) (quotient_request s r)) = a_rules (decide s r).
Proof.
  intros s r U R; unfold decide.
  rewrite (refusal_quotient s r U R), (questions_quotient s r).
  replace (r_approved (quotient_request s r)) with (r_approved r) by reflexivity.
  destruct (refusal s r); cbn; [auto|].
  destruct (questions s r); cbn; [auto|]. destruct (r_approved r); cbn; auto.
Qed.

(* What an allowed call adds: its claimed legs, and what its representative adds. *)
Theorem quotient_adds : forall s r, adds r = both (r_legs r) (adds (quotient_request s r)).
Proof.
  intros s r; unfold adds, legs, sink_of, nature_legs, nature_sink, quotient_request, both; cbn.
  destruct (r_op r); cbn; rewrite ?orb_false_r, ?orb_assoc; reflexivity.
Qed.

Print Assumptions ratchet.
Print Assumptions refusal_changes_nothing.
Print Assumptions no_capability_never.
Print Assumptions homomorphic_exposure.
Print Assumptions no_silent_exfiltration.
Print Assumptions shown_private_then_untrusted_asks.
Print Assumptions no_silent_secret.
Print Assumptions no_silent_stranger.
Print Assumptions child_ceiling.
Print Assumptions simulation.
Print Assumptions quotient.
Print Assumptions quotient_adds.
