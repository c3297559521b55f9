//! What is tried again: never what could happen twice, never more than the budget.

use http::Method;
use proptest::prelude::*;
use traffic::{
    Dice,
    retry::{Backoff, Body, Budget, Reached, is_safe},
};

use crate::{at, millis};

#[test]
fn an_order_is_not_placed_twice() {
    let whole = |method: Method, reached| is_safe(&method, reached, Body::Whole);
    assert!(whole(Method::POST, Reached::Nothing));
    assert!(!whole(Method::POST, Reached::Sent));
    assert!(!whole(Method::PATCH, Reached::Sent));
    assert!(whole(Method::GET, Reached::Sent));
    assert!(!whole(Method::GET, Reached::Answering));
    assert!(!is_safe(&Method::PUT, Reached::Nothing, Body::Begun));
}

#[test]
fn when_everything_fails_retries_stay_a_fraction_of_requests() {
    let mut budget = Budget::new(0.2, 0, at(0));
    let mut retries = 0;
    for _ in 0..10_000 {
        budget.deposit();
        retries += u32::from(budget.withdraw(at(0)));
    }
    assert_eq!(retries, 2_000);
}

#[test]
fn a_service_with_few_requests_may_still_retry() {
    let mut budget = Budget::new(0.2, 10, at(0));
    let taken = (0..1_000).filter(|_| budget.withdraw(at(0))).count();
    assert_eq!(taken, 100);
    let taken = (0..1_000).filter(|step| budget.withdraw(at(*step))).count();
    assert_eq!(taken, 9);
}

proptest! {
    #[test]
    fn waits_grow_to_their_bound_and_differ(seed in any::<u64>(), retry in 1_u32..60) {
        let backoff = Backoff { base: millis(25), max: millis(1_000) };
        let mut dice = Dice::new(seed);
        let bound = millis(25_u64.saturating_mul(1 << (retry - 1).min(20))).min(millis(1_000));
        let waits: Vec<_> = (0..20).map(|_| backoff.wait(retry, &mut dice)).collect();
        prop_assert!(waits.iter().all(|wait| *wait <= bound));
        prop_assert!(waits.windows(2).any(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn no_more_is_taken_from_a_budget_than_was_put_in(
        steps in prop::collection::vec((any::<bool>(), 0_u64..50), 0..500),
    ) {
        let mut budget = Budget::new(0.1, 2, at(0));
        let (mut requests, mut retries, mut now) = (0_u64, 0_u64, 0_u64);
        for (request, pause) in steps {
            now += pause;
            if request {
                requests += 1;
                budget.deposit();
            } else {
                retries += u64::from(budget.withdraw(at(now)));
            }
            prop_assert!(retries * 1_000 <= requests * 100 + 2 * now + 20_000);
        }
    }
}
