//! What stands in the way of a database, and what its connections promise.

use std::error::Error;
use std::fs;

use super::*;

/// What stands in the way of a database is told, and at once; with it gone, nothing is lost.
#[tokio::test]
async fn causes_are_told_and_not_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("server.db");
    State::at(&path).await.unwrap().pool.close().await;
    // As on a disk that is full: a file beside it cannot be made.
    let beside = dir.path().join("server.db-wal");
    let _ = fs::remove_file(&beside);
    fs::create_dir(&beside).unwrap();
    let before = fs::read(&path).unwrap();
    let opened = tokio::time::timeout(PATIENCE / 2, State::at(&path)).await;
    let error = opened.expect("it waits").unwrap_err();
    let cause = error.source().unwrap().to_string();
    assert!(cause.contains("unable to open database file"), "{cause}");
    assert_eq!(fs::read(&path).unwrap(), before);
    fs::remove_dir(&beside).unwrap();
    State::at(&path).await.unwrap().answers().await.unwrap();
}

/// Every connection syncs what it acknowledges, and readers do not wait for the writer.
#[tokio::test]
async fn connections_are_durable() {
    let dir = tempfile::tempdir().unwrap();
    let state = State::at(&dir.path().join("server.db")).await.unwrap();
    let mut held = Vec::new();
    for _ in 0..MOST_CONNECTIONS {
        let mut connection = state.pool.acquire().await.unwrap();
        let asked = sqlx::query_scalar::<_, i64>("PRAGMA synchronous");
        assert_eq!(asked.fetch_one(&mut *connection).await.unwrap(), 2);
        let asked = sqlx::query_scalar::<_, String>("PRAGMA journal_mode");
        assert_eq!(asked.fetch_one(&mut *connection).await.unwrap(), "wal");
        held.push(connection);
    }
}
