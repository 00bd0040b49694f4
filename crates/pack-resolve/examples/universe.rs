//! Times resolutions of a made-up universe: `universe [PACKS] [VERSIONS] [ROUNDS]`. `benches/run.sh resolve` runs it.
//!
//! Every pack needs the three after it. `newest`: the newest versions fit. `conflicts`: every tenth pack asks
//! for an old version of the next one, so that the search has to go back. `none`: two roots exclude each other.

#![expect(clippy::print_stdout, reason = "a measurement prints its figures")]

use std::time::{Duration, Instant};

use pack_format::PackRef;
use pack_format::documents::PackDependency;
use pack_resolve::{Candidate, Request, resolve};

type Error = Box<dyn std::error::Error>;

fn main() -> Result<(), Error> {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse::<usize>());
    let packs = numbers.next().transpose()?.unwrap_or(2000);
    let versions = numbers.next().transpose()?.unwrap_or(10);
    let rounds = numbers.next().transpose()?.unwrap_or(9).max(1);
    println!("| {packs} packs x {versions} versions | median of {rounds} |\n|---|---|");
    for (name, request) in [
        ("newest", universe(packs, versions, 0)?),
        ("conflicts", universe(packs, versions, 10)?),
        ("none", contradiction(universe(packs, versions, 0)?)?),
    ] {
        println!(
            "| {name} | {:.1} ms |",
            median(&request, rounds).as_secs_f64() * 1000.0
        );
    }
    Ok(())
}

fn median(request: &Request, rounds: usize) -> Duration {
    let mut times: Vec<Duration> = (0..rounds)
        .map(|_| {
            let start = Instant::now();
            let outcome = resolve(request);
            let time = start.elapsed();
            drop(outcome);
            time
        })
        .collect();
    times.sort_unstable();
    times.get(rounds / 2).copied().unwrap_or_default()
}

/// A chain of packs; with `strict`, every `strict`th one asks for an old version of the next.
fn universe(packs: usize, versions: usize, strict: usize) -> Result<Request, Error> {
    let mut request = Request::default();
    request.roots.push("p0".parse()?);
    for pack in 0..packs {
        let pack_ref: PackRef = format!("p{pack}").parse()?;
        for minor in 0..versions {
            let mut needs: Vec<PackDependency> = Vec::new();
            for step in (1..=3).filter(|step| pack + step < packs) {
                let old = strict > 0 && step == 1 && pack % strict == 0;
                let constraint = if old {
                    format!("<1.{}", versions / 2)
                } else {
                    format!("^1.{}", minor / 2)
                };
                needs.push(format!("p{}@{constraint}", pack + step).parse()?);
            }
            let version = format!("1.{minor}.0").parse()?;
            request.add(pack_ref.clone(), Candidate::new(version, needs));
        }
    }
    Ok(request)
}

/// The same with a root that nothing else allows.
fn contradiction(mut request: Request) -> Result<Request, Error> {
    request.roots.push("other".parse()?);
    let needs = vec!["p1@^2".parse()?];
    request.add("other".parse()?, Candidate::new("1.0.0".parse()?, needs));
    Ok(request)
}
