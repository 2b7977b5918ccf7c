//! Control as a whole: equal updates are no reload, throttling keeps the latest.

use std::time::Duration;

use super::*;
use crate::config::Notation;
use crate::config::dynamic;
use crate::routing::EntryPointSpec;

fn settings(throttle: Duration) -> Settings {
    let web = EntryPointSpec {
        name: "web".to_owned(),
        is_default: true,
        unsupported: Vec::new(),
    };
    Settings {
        ground: Ground::bare(vec![web]),
        precedence: Vec::new(),
        throttle,
    }
}

fn update(port: u16) -> Update {
    let text = format!(
        "http: {{services: {{app: {{loadBalancer: {{servers: [{{url: 'http://127.0.0.1:{port}'}}]}}}}}}}}"
    );
    let (configuration, _) = dynamic::read(text.as_bytes(), Notation::Yaml, None).unwrap();
    Update {
        provider: "file",
        configuration: Arc::new(configuration),
        remarks: Default::default(),
        is_urgent: false,
    }
}

fn port(snapshot: &Snapshot) -> String {
    snapshot.services["app@file"].servers().unwrap().pool.servers()[0]
        .url()
        .to_owned()
}

#[test]
fn an_equal_configuration_is_no_reload() {
    let mut control = Control::new(settings(Duration::ZERO));
    assert_eq!(control.apply(update(1)).unwrap().generation, 1);
    assert!(control.apply(update(1)).is_none());
    assert_eq!(control.apply(update(2)).unwrap().generation, 2);
}

#[tokio::test(start_paused = true)]
async fn the_first_update_passes_at_once_and_then_the_latest_of_each_period() {
    let control = Control::new(settings(Duration::from_secs(2)));
    let published = control.published();
    let (sender, receiver) = mpsc::channel(8);
    tokio::spawn(control.run(receiver));
    let mut seen = Vec::new();
    for port in 1..=9 {
        sender.send(update(port)).await.unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        seen.push(published.load().generation);
    }
    assert_eq!(
        seen,
        [1, 1, 1, 1, 1, 1, 2, 2, 2],
        "at once, then after two seconds"
    );
    assert_eq!(
        port(&published.load()),
        "http://127.0.0.1:7",
        "the latest of those two seconds"
    );
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(
        port(&published.load()),
        "http://127.0.0.1:9",
        "the last is not lost"
    );
}

#[tokio::test(start_paused = true)]
async fn an_urgent_update_waits_a_quarter_of_a_second_at_most_and_takes_along_what_waited() {
    let control = Control::new(settings(Duration::from_secs(2)));
    let published = control.published();
    let (sender, receiver) = mpsc::channel(8);
    tokio::spawn(control.run(receiver));
    sender.send(update(1)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(10)).await;
    let urgent = Update {
        is_urgent: true,
        ..update(2)
    };
    sender.send(urgent).await.unwrap();
    sender.send(update(3)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(port(&published.load()), "http://127.0.0.1:1");
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(port(&published.load()), "http://127.0.0.1:3");
    sender.send(update(4)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(port(&published.load()), "http://127.0.0.1:3", "not urgent");
}

#[tokio::test(start_paused = true)]
async fn urgent_updates_without_end_make_no_more_than_twice_the_reloads_allowed() {
    let mut throttle = Throttle::new(Duration::from_secs(2));
    let begin = Instant::now();
    let mut reloads = 0;
    for step in 0..2000 {
        throttle.add(Update {
            is_urgent: true,
            ..update(1)
        });
        reloads += throttle.take_due(begin + step * Duration::from_millis(50)).len();
    }
    assert!((50..=110).contains(&reloads), "{reloads} in 100 seconds");
}

#[tokio::test(start_paused = true)]
async fn what_is_only_said_waits_for_nothing_and_compiles_nothing() {
    let control = Control::new(settings(Duration::from_secs(2)));
    let published = control.published();
    let (sender, receiver) = mpsc::channel(8);
    tokio::spawn(control.run(receiver));
    sender.send(update(1)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(10)).await;
    let remark = Remark {
        level: Level::Warn,
        text: "not\nas written".to_owned(),
    };
    let remarks: Remarks = [("ingress a/b", vec![remark])].into_iter().collect();
    sender
        .send(Update {
            remarks: remarks.clone(),
            ..update(1)
        })
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(10)).await;
    let now = published.load();
    assert_eq!((now.generation, &now.report.remarks["file"]), (1, &remarks));
    sender.send(update(2)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(2100)).await;
    let now = published.load();
    assert_eq!((now.generation, port(&now).as_str()), (2, "http://127.0.0.1:2"));
    assert!(now.report.remarks["file"].is_empty(), "nothing more to say");
}

#[test]
fn a_line_of_the_log_is_one_line() {
    assert_eq!(cut("a\nb\u{1b}[31m"), "a\\nb\\u{1b}[31m");
    assert_eq!(cut("plain"), "plain");
}
