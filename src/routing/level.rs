//! Stickiness of one level, of servers or of children: `sticky` -> [`Level`].

use std::sync::Arc;

use super::report::Item;
use crate::config::Files;
use crate::config::dynamic::http as wire;
use crate::service::Level;
use crate::sticky::{SignProblem, Sticky, browser_objections, cookie_name};

/// The level of `service` over `handlers`; `old` goes on counting. `Ok(None)` for no stickiness.
///
/// # Errors
/// Why its keys are refused: a level that shall sign must not run unsigned.
pub(super) fn compile<S: AsRef<str>>(
    written: Option<&wire::Sticky>,
    service: &str,
    handlers: &[S],
    files: &dyn Files,
    old: Option<&Level>,
) -> Result<Option<Level>, Vec<SignProblem>> {
    let Some((sticky, cookie)) = written.and_then(|sticky| Some((sticky, sticky.cookie.as_ref()?))) else {
        return Ok(None);
    };
    let refusals = old.map_or_else(Arc::default, |old| Arc::clone(old.sticky().refusals()));
    let level = Sticky::new(cookie, service, handlers, files, refusals)?;
    Ok(Some(Level::new(level, sticky.on_loss)))
}

/// Notes in `item` why the keys of the level below the key `kind` are refused.
pub(super) fn refuse(kind: &str, problems: Vec<SignProblem>, item: &mut Item) {
    for problem in problems {
        item.disable(format!("{kind}.sticky.cookie.{}", problem.key), problem.text);
    }
}

/// Notes in `item` why keys cannot be read again, where nothing else has changed: the ones in use stay.
pub(super) fn keep(kind: &str, problems: Vec<SignProblem>, item: &mut Item) {
    for problem in problems {
        let text = format!("{}; the keys in use stay", problem.text);
        item.warn(format!("{kind}.sticky.cookie.{}", problem.key), text);
    }
}

/// Notes what of `written` has no effect, here or in browsers.
pub(super) fn note_what_is_probably_not_meant(
    written: Option<&wire::Sticky>,
    (kind, service): (&str, &str),
    item: &mut Item,
) {
    let Some(sticky) = written else {
        return;
    };
    match sticky.cookie.as_ref() {
        Some(cookie) => {
            for objection in browser_objections(cookie, &cookie_name(&cookie.name, service)) {
                item.warn(format!("{kind}.sticky.cookie"), objection);
            }
        }
        None if sticky.on_loss != wire::OnLoss::Rebind => {
            item.warn(
                format!("{kind}.sticky.onLoss"),
                "onLoss has no effect without a cookie",
            );
        }
        None => {
            item.warn(
                format!("{kind}.sticky"),
                "sticky without a cookie binds nobody; write cookie: {} below it (as a label sticky.cookie=true), or \
                 remove it",
            );
        }
    }
}

/// Has `old` the keys that `written` would be given now? Files may hold other ones.
pub(super) fn has_keys_of(old: Option<&Level>, written: Option<&wire::Sticky>, files: &dyn Files) -> bool {
    old.is_none_or(|old| {
        let cookie = written.and_then(|sticky| sticky.cookie.as_ref());
        cookie.is_some_and(|cookie| old.sticky().has_keys_of(cookie, files))
    })
}
