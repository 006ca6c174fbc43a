//! Random schedules of what people do, of failures and of restarts, checked against a small model: no schedule
//! loses or repeats an effect, and none needs a person to replay anything.
//!
//! `COURIER_SCHEDULES` and `COURIER_SCHEDULES_SEED` change their number and seed, for longer runs by hand.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::scene::scenario;
use crate::variable;

mod instances;
mod model;
mod operators;
mod run;
mod step;

use run::Run;
use step::{Step, step};

/// The most steps of one schedule.
const LONGEST: usize = 20;

/// How many schedules run in CI.
const SCHEDULES: u64 = 60;

async fn run(steps: Vec<Step>) {
    scenario(async |scene| {
        let mut run = Run::start(scene).await;
        for step in steps {
            run.step(step).await;
        }
        run.end().await;
    })
    .await;
}

proptest! {
    #![proptest_config(ProptestConfig {
        rng_seed: RngSeed::Fixed(variable("COURIER_SCHEDULES_SEED", 2026)),
        failure_persistence: None,
        max_shrink_iters: 300,
        ..ProptestConfig::with_cases(schedules())
    })]

    #[test]
    fn no_schedule_loses_or_repeats_an_effect(
        steps in proptest::collection::vec(step(), 1..LONGEST),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(run(steps));
    }
}

fn schedules() -> u32 {
    u32::try_from(variable("COURIER_SCHEDULES", SCHEDULES)).unwrap()
}
