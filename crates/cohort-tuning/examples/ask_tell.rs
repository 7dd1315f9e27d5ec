//! A search driven from outside, a JSON line each way: `{"space": TOML, "method": "tpe", "seed": 1}` begins one and is
//! answered by the first trial's values by name; each `{"merit": x}` (larger is better) by the next one's.

use std::io::{BufRead, Write};

use cohort_tuning::{Method, Outcome, Search, Space, Trial};
use serde_json::{Map, Value};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut state: Option<(Search, Vec<Trial>)> = None;
    for line in std::io::stdin().lock().lines() {
        let told: Value = serde_json::from_str(&line?)?;
        if let Some(space) = told["space"].as_str() {
            let search = Search {
                space: Space::from_toml(&space.parse()?)?,
                method: told["method"].as_str().unwrap_or("tpe").parse::<Method>()?,
                seed: told["seed"].as_u64().unwrap_or(0),
            };
            state = Some((search, Vec::new()));
        } else if let Some((_, trials)) = &mut state {
            let merit = told["merit"].as_f64();
            let last = trials.last_mut().ok_or("a merit before a trial")?;
            last.outcome = merit.map_or(Outcome::Failed, Outcome::Finished);
        }
        let (search, trials) = state.as_mut().ok_or("no space yet")?;
        let point = search.suggest(trials.len(), trials);
        let names = search.space.parameters().iter().map(|p| p.name.clone());
        let values: Map<String, Value> = names.zip(search.space.values(&point)).collect();
        trials.push(Trial {
            point,
            outcome: Outcome::Running,
        });
        println!("{}", Value::from(values));
        std::io::stdout().flush()?;
    }
    Ok(())
}
