//! Pages of a list (traefik-core 8).

use std::cmp::Ordering;

use serde_json::Value;

/// What a client wants of a list.
#[derive(Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

/// One page.
#[derive(Debug, PartialEq)]
pub(super) struct Page {
    pub(super) items: Vec<Value>,
    /// The number of the next page; 1 on the last.
    pub(super) next: usize,
}

impl Query {
    /// The parameters of a query.
    pub(super) fn of(query: &str) -> Self {
        let pairs = query.split('&').filter_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            let value = value.replace('+', " ");
            Some((name.to_owned(), super::percent_decoded(&value)?))
        });
        Self(pairs.collect())
    }

    fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    fn number(&self, name: &str) -> Option<Option<usize>> {
        self.get(name).map(|text| text.parse().ok())
    }
}

/// The page that `query` wants of `items`.
///
/// # Errors
/// What is wrong with the numbers.
pub(super) fn page(items: Vec<Value>, query: &Query) -> Result<Page, String> {
    let mut items: Vec<Value> = items.into_iter().filter(|item| takes(item, query)).collect();
    // By name they are already.
    if let Some(key) = query.get("sortBy") {
        items.sort_by(|a, b| compare(&a[key], &b[key]));
    }
    if query.get("direction") == Some("desc") {
        items.reverse();
    }
    let number = query.number("page").unwrap_or(Some(1));
    let size = query.number("per_page").unwrap_or(Some(100));
    let refused = || {
        let text = |name, default| query.get(name).unwrap_or(default).to_owned();
        format!(
            "invalid request: page: {}, per_page: {}",
            text("page", "1"),
            text("per_page", "100")
        )
    };
    let (Some(number @ 1..), Some(size @ 1..)) = (number, size) else {
        return Err(refused());
    };
    let start = (number - 1).saturating_mul(size);
    if start > 0 && start >= items.len() {
        return Err(refused());
    }
    let next = if items.len() > start.saturating_add(size) {
        number + 1
    } else {
        1
    };
    Ok(Page {
        items: items.into_iter().skip(start).take(size).collect(),
        next,
    })
}

fn takes(item: &Value, query: &Query) -> bool {
    let is = |key: &str, wanted: &str| item[key].as_str().is_some_and(|text| text == wanted);
    let status = query.get("status").is_none_or(|status| {
        item["status"]
            .as_str()
            .is_some_and(|is| is.eq_ignore_ascii_case(status))
    });
    let search = query.get("search").is_none_or(|part| {
        let part = part.to_lowercase();
        ["name", "rule", "service"].iter().any(|key| {
            item[*key]
                .as_str()
                .is_some_and(|text| text.to_lowercase().contains(&part))
        })
    });
    let service = query.get("serviceName").is_none_or(|name| {
        let of_provider = |service: &str| {
            let provider = item["provider"].as_str().unwrap_or_default();
            format!("{service}@{provider}") == name
        };
        is("service", name) || item["service"].as_str().is_some_and(of_provider)
    });
    let middleware = query.get("middlewareName").is_none_or(|name| {
        let all = item["middlewares"].as_array();
        all.is_some_and(|all| all.iter().any(|middleware| middleware == name))
    });
    status && search && service && middleware
}

fn compare(a: &Value, b: &Value) -> Ordering {
    match (a.as_i64(), b.as_i64()) {
        (Some(a), Some(b)) => a.cmp(&b),
        _ => a.as_str().cmp(&b.as_str()),
    }
}
