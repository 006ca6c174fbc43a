//! The rules in force, which a reload exchanges as a whole.

use std::sync::{Arc, PoisonError, RwLock};

use crate::ids::FolderId;

use super::RuleSet;

/// A handle on the rules in force; all its copies see the same.
#[derive(Clone, Debug, Default)]
pub struct ActiveRules(Arc<RwLock<Arc<RuleSet>>>);

impl ActiveRules {
    /// These rules, until others are put in force.
    pub fn new(rules: impl Into<RuleSet>) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(rules.into()))))
    }

    /// The rules as they are now; whoever holds them decides one event by one set.
    pub fn get(&self) -> Arc<RuleSet> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts other rules in force.
    pub fn replace(&self, rules: impl Into<RuleSet>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules.into());
    }

    /// The rooms and folders that rules on uploads watch, each once: what catching up lists.
    pub fn watched(&self) -> Vec<FolderId> {
        const UPLOADS: [&str; 2] = ["file.uploaded", "file.created"];

        let rules = self.get();
        let mut watched: Vec<FolderId> = Vec::new();
        for rule in rules.rules() {
            let uploads = rule.triggers.iter();
            if !{ uploads }.any(|trigger| UPLOADS.contains(&trigger.as_str())) {
                continue;
            }
            for place in rule.places() {
                if !watched.contains(place) {
                    watched.push(place.clone());
                }
            }
        }
        watched
    }
}
