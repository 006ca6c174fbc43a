//! A pretend DocSpace portal.
