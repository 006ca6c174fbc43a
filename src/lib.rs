//! docspace-courier receives ONLYOFFICE DocSpace webhooks and does the file work that rules ask for.
//!
//! The modules below follow the path of an event. DocSpace *delivers* it; the receiver verifies the
//! signature over the raw bytes, parses the JSON, and stores the event in the *inbox* before it responds. The
//! worker evaluates the *rules*, which decide what to plan and why. Planned actions wait in the *outbox* until
//! an attempt has copied or moved the file through the *DocSpace client* and seen that it is done, has sent a
//! *notification* or called a *pipeline*. *Catch-up* fetches what DocSpace could not deliver.
//! `docs/ARCHITECTURE.md` explains terms and structure.

// Receive, verify, parse.
pub mod event;
pub mod webhook;

// Store and show.
pub mod inbox;
pub mod journal;

// Decide.
pub mod facts;
pub mod local_decider;
pub mod reload;
pub mod rules;

// Plan and execute.
pub mod actions;
pub mod folder_creation;
pub mod outbox;
pub mod worker;

// The portal, and people.
pub mod alerts;
pub mod docspace;
pub mod notify;
pub mod outgoing;
pub mod pipeline;

// Evaluate and replay for people.
pub mod audit;
pub mod evaluator;
pub mod forget;
mod recipes;
pub mod replay;
pub mod rule_pause;
mod rules_editor;
pub mod trial;

// Fetch what was not delivered, and apply rules to existing files.
pub mod backfill;
pub mod catch_up;
pub mod list_position;

// Set up and check a deployment.
pub mod check;
pub mod registration;
pub mod rehearsal;
pub mod setup;

// Around the path.
mod address;
pub mod admin;
pub mod backoff;
mod case_folding;
pub mod certificates;
pub mod circuit_breaker;
pub mod cli;
pub mod clock;
pub mod config;
pub mod db;
mod edited_file;
pub mod file_watcher;
pub mod finding;
mod hash;
pub mod health;
mod http_client;
mod http_headers;
pub mod ids;
pub mod instances;
mod log_limit;
mod loopback;
pub mod metrics;
mod private_file;
pub mod results;
mod root_cause;
pub mod server;
pub mod service;
pub mod signature;
mod similar;
pub mod supervise;
mod table_reader;
pub mod telemetry;
pub mod template;
mod text;
mod text_file;
pub mod wake;
pub mod wire;
