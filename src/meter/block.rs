//! Numbers by column, one row for each thread.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Rows at most; with more threads some share one.
pub const ROWS: usize = 16;

/// Numbers of one cache line.
const PER_LINE: usize = 16;

/// Counts the threads that have asked for a row.
static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static ROW: usize = THREADS.fetch_add(1, Ordering::Relaxed) % ROWS;
}

/// The row of this thread, below [`ROWS`].
#[must_use]
pub fn row() -> usize {
    ROW.try_with(|row| *row).unwrap_or_default()
}

/// Neighbours that other threads write stay out of it (two lines: processors fetch them in pairs).
#[derive(Debug, Default)]
#[repr(align(128))]
struct Line([AtomicU64; PER_LINE]);

/// Numbers by column. Each thread that adds has a row of its own, made when it first does.
#[derive(Debug)]
pub struct Block {
    columns: usize,
    rows: [OnceLock<Box<[Line]>>; ROWS],
}

impl Block {
    /// Zero in each of `columns`.
    #[must_use]
    pub fn new(columns: usize) -> Self {
        Self {
            columns,
            rows: [const { OnceLock::new() }; ROWS],
        }
    }

    /// Adds `n`; a column that there is not is ignored.
    pub fn add(&self, column: usize, n: u64) {
        let Some(row) = self.rows.get(row()) else {
            return;
        };
        let lines = row.get_or_init(|| {
            let lines = self.columns.div_ceil(PER_LINE);
            (0..lines).map(|_| Line::default()).collect()
        });
        if let Some(cell) = cell(lines, column) {
            cell.fetch_add(n, Ordering::Relaxed);
        }
    }

    /// What all threads have added.
    #[must_use]
    pub fn sum(&self, column: usize) -> u64 {
        let rows = self.rows.iter().filter_map(OnceLock::get);
        let cells = rows.filter_map(|lines| cell(lines, column));
        cells.fold(0, |sum, cell| sum.wrapping_add(cell.load(Ordering::Relaxed)))
    }
}

fn cell(lines: &[Line], column: usize) -> Option<&AtomicU64> {
    lines.get(column / PER_LINE)?.0.get(column % PER_LINE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_many_threads_add_is_summed_exactly() {
        let block = Block::new(20);
        std::thread::scope(|scope| {
            for _ in 0..ROWS + 3 {
                scope.spawn(|| (0..1000).for_each(|n| block.add(n % 20, 2)));
            }
        });
        let each = 2 * 50 * (ROWS as u64 + 3);
        assert!((0..20).all(|column| block.sum(column) == each));
        assert_eq!(block.sum(99), 0);
    }
}
