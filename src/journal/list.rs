//! Lists of events.

use std::collections::HashMap;
use std::hash::Hash;

use crate::db::{Sql, SqlError};
use crate::ids::InboxId;

use super::details::{EventRow, actions_of, decisions_of, read_event};
use super::filter::EventFilter;
use super::view::{ActionView, EventView};

/// The newest events that match.
pub fn list(sql: &Sql, filter: &EventFilter, limit: u32) -> Result<Vec<EventView>, SqlError> {
    let events = list_with_actions(sql, filter, limit)?;
    Ok(events.into_iter().map(|(event, _)| event).collect())
}

/// The newest events that match, each with its actions. The number of queries does not depend on that of
/// the events.
pub fn list_with_actions(
    sql: &Sql,
    filter: &EventFilter,
    limit: u32,
) -> Result<Vec<(EventView, Vec<ActionView>)>, SqlError> {
    let rows = rows(sql, filter, limit)?;
    let ids: Vec<InboxId> = rows.iter().map(|row| row.id).collect();
    let mut decisions = grouped(decisions_of(sql, &ids)?);
    let mut actions = grouped(actions_of(sql, &ids)?);
    Ok(rows
        .into_iter()
        .map(|row| {
            let mut decisions = decisions.remove(&row.id).unwrap_or_default();
            decisions.extend(row.ignored());
            let actions = actions.remove(&row.id).unwrap_or_default();
            (row.into_view(&decisions, &actions), actions)
        })
        .collect())
}

fn rows(sql: &Sql, filter: &EventFilter, limit: u32) -> Result<Vec<EventRow>, SqlError> {
    let columns = EventRow::COLUMNS;
    let condition = filter.condition(sql);
    let title_key = filter.title_key();
    let mut params = filter.params(title_key.as_deref());
    params.push((":limit", limit.into()));
    sql.query(
        &format!("SELECT {columns} FROM events WHERE {condition} ORDER BY id DESC LIMIT :limit"),
        &params,
        read_event,
    )
}

fn grouped<K: Hash + Eq, V>(pairs: Vec<(K, V)>) -> HashMap<K, Vec<V>> {
    let mut groups: HashMap<K, Vec<V>> = HashMap::new();
    for (key, value) in pairs {
        groups.entry(key).or_default().push(value);
    }
    groups
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::db::{Db, query_count};
    use crate::event::Event;
    use crate::inbox::{self, Source};

    fn store(events: usize) -> (tempfile::TempDir, Db) {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&folder.path().join("courier.db")).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let insert = db.write(move |sql| {
            for id in 1..=events {
                let body = format!(
                    r#"{{"event": {{"id": {id}, "trigger": "file.uploaded"}},
                         "payload": {{"id": {id}, "title": "Рахунок {id}.PDF"}}}}"#
                );
                let event = Event::parse(body.as_bytes()).unwrap();
                let body = body.as_bytes();
                inbox::insert(sql, &event, body, Source::Delivery, Timestamp::UNIX_EPOCH)?;
            }
            Ok(())
        });
        runtime.unwrap().block_on(insert).unwrap();
        (folder, db)
    }

    fn read<T: Send + 'static>(
        db: &Db,
        work: impl Fn(&Sql) -> Result<T, SqlError> + Send + 'static,
    ) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(db.read(work)).unwrap()
    }

    #[test]
    fn the_number_of_queries_does_not_grow_with_the_list() {
        let queries = |events: u32| {
            let (_folder, db) = store(events as usize);
            read(&db, move |sql| {
                query_count::take();
                let listed = list_with_actions(sql, &EventFilter::default(), events)?;
                assert_eq!(listed.len(), events as usize);
                Ok(query_count::take())
            })
        };
        assert_eq!(queries(1), 3);
        assert_eq!(queries(100), 3);
    }
}
