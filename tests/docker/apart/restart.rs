//! The engine restarts in the middle of it all; its containers go on (`--live-restore`).

use super::world;
use crate::crowd::{Crowd, wait_for_newcomers_at};
use crate::engine::Lab;
use crate::harness::eventually;

#[test]
fn an_engine_that_restarts_under_load_fails_no_request_and_moves_no_session() {
    let name = "apart::restart::an_engine_that_restarts_under_load_fails_no_request_and_moves_no_session";
    world::of_its_own(name, &["--live-restore"], |engine| {
        println!();
        let lab = Lab::of(engine.docker());
        lab.replicas(&["a", "b", "c"], &[]);
        let piton = lab.piton("");
        let address = piton.address();
        wait_for_newcomers_at(address, &["a", "b", "c"]);
        let crowd = Crowd::of(9, address);
        let generation = piton.generation();

        let row = crowd.during("the engine stops", || {
            engine.stop();
            piton.wait_for_line(&["docker", "ERROR", "asking again"]);
            crowd.all_ask_again();
        });
        assert_eq!(row.moved, 0);
        wait_for_newcomers_at(address, &["a", "b", "c"]);

        let row = crowd.during("the engine is back", || {
            engine.start().unwrap();
            // What happens after the restart is seen again: the stream of events is a new one.
            lab.replica("d", &[]);
            wait_for_newcomers_at(address, &["a", "b", "c", "d"]);
        });
        assert_eq!(row.moved, 0);
        assert!(piton.generation() > generation);

        let there = crowd.at("b");
        crowd.may_leave("b");
        let row = crowd.during("a container is gone when the engine is back", || {
            let process = lab.inspect("b", "{{.State.Pid}}");
            engine.stop();
            let kill = std::process::Command::new("kill")
                .args(["-KILL", &process])
                .status();
            assert!(kill.unwrap().success());
            // Nobody tells piton; it sees it by itself, request by request.
            crowd.wait_until_nobody_is_at("b");
            engine.start().unwrap();
            eventually("the listing is looked at again", || {
                lab.inspect("b", "{{.State.Status}}") == "exited"
            });
            wait_for_newcomers_at(address, &["a", "c", "d"]);
        });
        assert_eq!(row.moved, there);
    });
}
