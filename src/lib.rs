//! docspace-courier receives ONLYOFFICE DocSpace webhooks and does the file work that rules ask for.

pub mod clock;
pub mod ids;
pub mod webhook;

pub mod cli;
pub mod sandbox;
