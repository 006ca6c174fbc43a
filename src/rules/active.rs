//! The active rules, which a reload replaces as a whole.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::event::Trigger;
use crate::ids::FolderId;

use super::set::RuleSet;

/// A handle to the active rules; clones share them.
#[derive(Clone, Debug, Default)]
pub struct ActiveRules(Arc<ArcSwap<RuleSet>>);

impl ActiveRules {
    /// These rules, until they are replaced.
    pub fn new(rules: impl Into<RuleSet>) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(rules.into())))
    }

    /// The rules as they are now. Decide one event by one set.
    pub fn get(&self) -> Arc<RuleSet> {
        self.0.load_full()
    }

    /// Replaces the rules.
    pub fn replace(&self, rules: impl Into<RuleSet>) {
        self.0.store(Arc::new(rules.into()));
    }

    /// The rooms and folders that rules about uploads watch, each once; catch-up lists them.
    pub fn watched_folders(&self) -> Vec<FolderId> {
        let rules = self.get();
        let mut watched: Vec<FolderId> = Vec::new();
        for rule in rules.rules() {
            if !rule.triggers.iter().any(Trigger::is_upload) {
                continue;
            }
            for folder in rule.watched_folders() {
                if !watched.contains(folder) {
                    watched.push(folder.clone());
                }
            }
        }
        watched
    }
}
