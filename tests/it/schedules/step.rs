//! The steps of a schedule, and how they are drawn.

use std::time::Duration;

use docspace_courier::actions::failpoint::Failpoint;
use docspace_sandbox::{Fault, FaultEffect, UploadEvents};
use jiff::SignedDuration;
use proptest::prelude::*;
use proptest::sample::select;

/// One step. A number picks one of the files, or one of the deliveries, that exist at that time.
#[derive(Clone, Debug)]
pub enum Step {
    // What people do with files.
    Upload {
        place: Place,
        title: &'static str,
        announced: UploadEvents,
    },
    Overwrite(usize),
    Edit(usize),
    Rename(usize),
    Lock(usize, bool),
    OpenInEditor(usize, bool),

    // What administrators do in the portal.
    RetryByHand(usize),
    SwitchWebhook(bool),
    /// Whether the webhook subscribes to changes of files, too.
    SubscribeToUpdates(bool),

    // What the operators of the service do.
    ChangeDestination(Destination),
    Pause {
        copy: bool,
    },
    ResumeRules,
    ReplayEverything,
    Backfill {
        invoices: bool,
    },

    // What fails outside.
    Fail(Fault),
    PortalDown,
    KeyRefused,
    PortalRecovers,
    ForgetResults,
    CloseReceiver,
    OpenReceiver,
    ChannelDown,
    ChannelRecovers,
    ChannelFails(u16),

    // What happens to the service.
    Crash(Failpoint),
    /// Kills the service when it has made so many calls.
    Kill(usize),
    /// The portal takes so long for the next copy or move. The service may be killed meanwhile.
    SlowCall {
        time: Duration,
        killed: bool,
    },
    Freeze(Failpoint),
    Resume,
    ClockJumps {
        by: SignedDuration,
        restart: bool,
    },
    Work,
    TimePasses(Duration),
    CatchUp {
        at_start: bool,
    },
    /// Reads a log of several pages that shifts by so many rows with each page.
    CatchUpWithMovingLog(usize),
}

/// Where a file is uploaded.
#[derive(Clone, Copy, Debug)]
pub enum Place {
    ClientRoom,
    Subfolder,
    OtherRoom,
}

/// Where the rules copy files to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    Internal,
    Elsewhere,
    /// A folder that does not exist.
    Mistyped,
}

/// A random step.
pub fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => by_people(),
        4 => by_administrators(),
        5 => by_operators(),
        13 => failure(),
        20 => of_the_service(),
    ]
}

fn by_people() -> impl Strategy<Value = Step> {
    let announced = select(vec![
        UploadEvents::Uploaded,
        UploadEvents::CreatedAndUploaded,
    ]);
    let place = select(vec![
        Place::ClientRoom,
        Place::ClientRoom,
        Place::Subfolder,
        Place::OtherRoom,
    ]);
    let title = select(vec![
        "plan.docx",
        "plan (1).docx",
        "Invoice.pdf",
        "invoice 2.pdf",
        "no extension",
    ]);
    prop_oneof![
        6 => (place, title, announced)
            .prop_map(|(place, title, announced)| Step::Upload { place, title, announced }),
        2 => any::<usize>().prop_map(Step::Overwrite),
        2 => any::<usize>().prop_map(Step::Edit),
        2 => any::<usize>().prop_map(Step::Rename),
        1 => any::<(usize, bool)>().prop_map(|(pick, locked)| Step::Lock(pick, locked)),
        1 => any::<(usize, bool)>().prop_map(|(pick, open)| Step::OpenInEditor(pick, open)),
    ]
}

fn by_administrators() -> impl Strategy<Value = Step> {
    prop_oneof![
        any::<usize>().prop_map(Step::RetryByHand),
        any::<bool>().prop_map(Step::SwitchWebhook),
        any::<bool>().prop_map(Step::SubscribeToUpdates),
    ]
}

fn by_operators() -> impl Strategy<Value = Step> {
    let destination = select(vec![
        Destination::Internal,
        Destination::Elsewhere,
        Destination::Mistyped,
    ]);
    prop_oneof![
        2 => destination.prop_map(Step::ChangeDestination),
        2 => any::<bool>().prop_map(|copy| Step::Pause { copy }),
        1 => Just(Step::ResumeRules),
        2 => Just(Step::ReplayEverything),
        3 => any::<bool>().prop_map(|invoices| Step::Backfill { invoices }),
    ]
}

fn failure() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => fault().prop_map(Step::Fail),
        1 => Just(Step::PortalDown),
        1 => Just(Step::KeyRefused),
        2 => Just(Step::PortalRecovers),
        1 => Just(Step::ForgetResults),
        1 => Just(Step::CloseReceiver),
        1 => Just(Step::OpenReceiver),
        1 => Just(Step::ChannelDown),
        1 => Just(Step::ChannelRecovers),
        1 => select(vec![302, 401, 403, 404, 407, 429, 500, 503]).prop_map(Step::ChannelFails),
    ]
}

fn of_the_service() -> impl Strategy<Value = Step> {
    let failpoint = || {
        select(vec![
            Failpoint::BeforeCall,
            Failpoint::AfterResponse,
            Failpoint::OperationStored,
            Failpoint::BeforeFinish,
            Failpoint::BeforeMessage,
        ])
    };
    let steps = (-7_200_i64..7_200).prop_map(SignedDuration::from_secs);
    prop_oneof![
        2 => failpoint().prop_map(Step::Crash),
        2 => (1_usize..8).prop_map(Step::Kill),
        2 => (1_u64..=90, any::<bool>())
            .prop_map(|(seconds, killed)| Step::SlowCall { time: Duration::from_secs(seconds), killed }),
        2 => failpoint().prop_map(Step::Freeze),
        1 => Just(Step::Resume),
        1 => (steps, any::<bool>()).prop_map(|(by, restart)| Step::ClockJumps { by, restart }),
        5 => Just(Step::Work),
        3 => (1_u64..400).prop_map(|seconds| Step::TimePasses(Duration::from_secs(seconds))),
        2 => any::<bool>().prop_map(|at_start| Step::CatchUp { at_start }),
        1 => (1_usize..40).prop_map(Step::CatchUpWithMovingLog),
    ]
}

fn fault() -> impl Strategy<Value = Fault> {
    let call = select(vec![
        ("PUT", "fileops/copy"),
        ("PUT", "fileops/copy"),
        ("PUT", "fileops/move"),
        ("GET", "fileops"),
        ("GET", "files/"),
    ]);
    let gateway = select(vec![200, 302, 400, 401, 403, 404, 407, 423, 503]);
    // A gateway that redirects or asks for a login has not forwarded the request.
    let gateway_after = select(vec![200, 400, 401, 403, 404, 423, 502, 503]);
    let effect = prop_oneof![
        select(vec![
            FaultEffect::Status(500),
            FaultEffect::Status(502),
            FaultEffect::Status(429),
            FaultEffect::StatusWithRetryAfter(429, 40),
            FaultEffect::StatusAfter(503),
            FaultEffect::StatusAfter(504),
            FaultEffect::DropBefore,
            FaultEffect::DropAfter,
            FaultEffect::OperationError("nein"),
            FaultEffect::OperationResultLost,
        ]),
        gateway.prop_map(FaultEffect::Gateway),
        gateway_after.prop_map(FaultEffect::GatewayAfter),
    ];
    (call, effect, 1_u32..3).prop_map(|((method, path_contains), effect, times)| Fault {
        method: Some(method),
        path_contains,
        times,
        effect,
    })
}
