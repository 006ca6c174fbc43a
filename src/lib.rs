//! docspace-courier receives ONLYOFFICE DocSpace webhooks and does the file work that rules ask for.

pub mod actions;
pub mod catch_up;
pub mod clock;
pub mod config;
pub mod db;
pub mod docspace;
pub mod event;
pub mod ids;
pub mod inbox;
pub mod notify;
pub mod outbox;
pub mod rules;
pub mod webhook;
pub mod worker;

pub mod cli;
pub mod sandbox;
pub mod server;
pub mod service;
pub mod status;
pub mod telemetry;
