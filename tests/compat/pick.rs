//! Sequences of round robin and picks of rendezvous hashing.

use std::net::IpAddr;

use piton::balance::{Draw, Strategy};
use serde::Deserialize;

use crate::servers::{lettered, pool, sequence};
use crate::{Differences, expect};

/// `rows`: the first picks over servers A, B, C ... with `weights`, added in that order.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sequences {
    rows: Vec<SequenceRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SequenceRow {
    weights: Vec<u32>,
    picks: String,
}

pub fn sequences(case: Sequences) -> Differences {
    let mut differences = Vec::new();
    for row in case.rows {
        let found = sequence(&lettered(Strategy::Wrr, &row.weights), row.picks.len());
        expect(
            &mut differences,
            &format!("weights {:?}", row.weights),
            row.picks,
            found,
        );
    }
    differences
}

/// `rows`: which of `servers` (weight 1) a client address gets.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hrw {
    servers: Vec<String>,
    rows: Vec<HrwRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HrwRow {
    client: IpAddr,
    pick: String,
}

pub fn hrw(case: Hrw) -> Differences {
    let mut differences = Vec::new();
    let servers: Vec<(&str, u32)> = case.servers.iter().map(|url| (url.as_str(), 1)).collect();
    let pool = pool(Strategy::Hrw, &servers);
    for row in case.rows {
        let draw = Draw {
            now: 1,
            entropy: 0,
            client: Some(row.client),
        };
        let index = pool.pick(&draw, &[]).unwrap() as usize;
        let found = pool.servers()[index].url();
        expect(
            &mut differences,
            &row.client.to_string(),
            row.pick.as_str(),
            found,
        );
    }
    differences
}
