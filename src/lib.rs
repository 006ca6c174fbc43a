//! docspace-courier receives ONLYOFFICE DocSpace webhooks and does the file work that rules ask for.
//!
//! The path of an event, which is the order of the modules below: DocSpace *delivers* it; the receiver
//! verifies the signature over the raw bytes, reads the JSON, and stores the event in the *inbox* before
//! it answers. The worker asks the *rules*, which give actions to plan and reasons; the actions owed stand
//! in the *outbox* until an attempt has copied or moved the file through the *DocSpace client* and seen
//! that it is done, or has *notified* somebody or called the *pipeline*. What DocSpace could not deliver is fetched by *catching
//! up*. `docs/ARCHITECTURE.md` follows one delivery through all of it.

// Receive, verify, understand.
pub mod event;
pub mod webhook;

// Keep.
pub mod inbox;
pub mod journal;

// Decide.
pub mod facts;
pub mod reload;
pub mod rules;

// Owe and do.
pub mod actions;
pub mod outbox;
pub mod worker;

// The portal, and people.
pub mod alerts;
pub mod docspace;
pub mod notify;
pub mod outgoing;
pub mod pipeline;

// What was never delivered.
pub mod catch_up;

// Setting a deployment up, and finding out what is wrong with it.
pub mod check;
pub mod registration;

// Around the path.
pub mod admin;
pub mod backoff;
pub mod cli;
pub mod clock;
pub mod config;
pub mod db;
pub mod file_watcher;
pub mod health;
mod http_headers;
pub mod ids;
pub mod instances;
mod loopback;
pub mod metrics;
mod root_cause;
pub mod server;
pub mod service;
pub mod signature;
pub mod supervise;
pub mod telemetry;
pub mod template;
mod text;
pub mod wake;
pub mod wire;
