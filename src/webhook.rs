//! Receive: the handlers of the public listener.

pub mod signature;
