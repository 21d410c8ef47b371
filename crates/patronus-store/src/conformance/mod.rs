//! What every backend must do, as tests that know only the [`crate::Store`] trait.
//!
//! A backend runs them with `conformance!(open)`, where `open` takes the commit hook and answers a store on empty ground
//! and whatever must live as long.

pub mod enrol;
pub mod events;
pub mod idempotency;
pub mod networks;
pub mod paths;
pub mod policies;
pub mod property;
pub mod releases;
pub mod reports;
pub mod rotations;
pub mod sites;
pub mod tokens;
pub mod users;
pub mod world;

/// Makes a test of the backend from each case.
macro_rules! cases {
    ($open:expr; $($noun:ident: $($case:ident)*;)*) => {$(
        mod $noun {
            $(
                #[tokio::test]
                async fn $case() {
                    let world = $crate::conformance::world::World::new($open).await;
                    $crate::conformance::$noun::$case(&world).await;
                    world.store.close().await;
                }
            )*
        }
    )*};
}

/// All cases, for one backend.
macro_rules! conformance {
    ($open:expr) => {
        $crate::conformance::cases! {
            $open;
            networks: a_network_is_found_by_id_and_name names_are_unique_in_a_tenant a_lost_race_is_told
                what_is_not_bundled_does_not_make_dirty a_network_with_sites_stays_and_keeps_its_range
                pages_come_in_order_of_name a_tenant_sees_only_its_own apply_is_all_or_nothing;
            paths: blocks_are_kept_folded_and_forgotten;
            policies: a_policy_is_found_changed_and_deleted policies_belong_to_their_network_and_go_with_it
                what_was_looked_at_must_not_have_moved labels_count_where_policies_may_name_them;
            sites: addresses_count_up_and_come_back_late a_used_up_range_is_a_conflict keys_are_one_sites
                a_name_in_two_networks_is_ambiguous what_is_bundled_makes_the_network_grow
                a_deleted_site_takes_its_tokens_along active_is_heard_within_two_minutes lists_filter_and_page
                a_renamed_site_is_renamed_in_memory a_mode_is_set_once_and_told;
            enrol: a_token_brings_one_agent_in a_repeat_is_answered_for_an_hour of_a_hundred_racing_one_wins
                unusable_tokens_are_refused a_new_agent_replaces_the_old one_that_leaves_is_shut_out;
            reports: the_newest_report_stands new_outcomes_are_events a_report_cannot_use_up_versions
                what_was_undone_is_known_to_who_compiles;
            releases: a_release_says_what_sites_run an_outdated_release_is_a_conflict versions_only_grow
                shared_chunks_are_stored_once_and_go_with_the_last archives_are_kept
                uploads_and_rollbacks_leave_the_network_dirty misfits_are_refused applied_and_failed_are_counted
                who_stands_still_is_counted_apart what_became_of_a_bundle_stays_with_it;
            rotations: each_step_comes_with_its_release a_step_out_of_turn_is_a_conflict one_at_a_time_in_a_network
                what_changes_the_site_ends_it one_without_a_release_can_be_given_up what_agents_tell_is_known_to_who_decides
                keys_that_an_agent_has_are_taken_over_on_request_only
                networks_with_something_to_do_are_listed;
            tokens: tokens_come_and_go the_snapshot_makes_the_same_memory the_newest_come_first;
            users: a_login_is_a_chain a_second_use_ends_the_login logging_out_ends_the_login user_names_are_unique;
            idempotency: a_repeat_answers_the_first_answer another_body_is_refused a_failure_is_tried_again
                answers_are_forgotten_after_a_day a_dry_run_leaves_nothing;
            events: numbers_have_no_gaps_under_sixty_four_writers events_are_filtered_and_paged
                the_hook_is_called_before_the_answer;
            property: any_order_of_operations_keeps_the_invariants;
        }
    };
}

pub(crate) use {cases, conformance};
