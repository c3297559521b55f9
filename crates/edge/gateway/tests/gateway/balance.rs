//! Who answers, over real sockets: turns, stickiness by address and by cookie.

use traffic::plan::{Balance, Secret};

use crate::kit::{Origin, Running, ask, get, ok, plan, start};

fn three(balance: Balance) -> (Running, [Origin; 3]) {
    let origins = ["a", "b", "c"].map(|name| Origin::start(move |_| ok(name)));
    let mut plan = plan(&[origins[0].address, origins[1].address, origins[2].address]);
    plan.services[0].balance = balance;
    (start(plan), origins)
}

fn who(answer: &str) -> String {
    answer.chars().last().map(String::from).unwrap_or_default()
}

#[test]
fn everybody_gets_their_turn() {
    for balance in [Balance::RoundRobin, Balance::LeastConnections] {
        let (gateway, origins) = three(balance);
        (0..9).for_each(|_| drop(get(gateway.address, "/")));
        assert_eq!(origins.map(|origin| origin.seen().len()), [3, 3, 3]);
    }
}

#[test]
fn the_same_address_goes_to_the_same_member() {
    let (gateway, _origins) = three(Balance::Address);
    let first = who(&get(gateway.address, "/"));
    assert!((0..6).all(|_| who(&get(gateway.address, "/")) == first));
}

#[test]
fn a_cookie_leads_back_to_its_member_and_a_forged_one_nowhere() {
    let secret = Secret("only for this test".to_owned());
    let (gateway, _origins) = three(Balance::Cookie { name: "taut-member".to_owned(), secret });
    let answer = get(gateway.address, "/");
    let cookie =
        answer.lines().find_map(|line| line.strip_prefix("set-cookie: ")).expect("a cookie");
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax"), "{cookie}");
    let pair = cookie.split(';').next().unwrap();
    let with = |pair: &str| {
        let head = format!(
            "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncookie: x=y; {pair}\r\n\r\n"
        );
        ask(gateway.address, &head)
    };
    for _ in 0..6 {
        let again = with(pair);
        assert_eq!(who(&again), who(&answer));
        assert!(!again.contains("set-cookie"), "it has it already: {again}");
    }
    let other = if pair.ends_with('0') { '1' } else { '0' };
    let forged = format!("{}{other}", pair.get(..pair.len() - 1).expect("it is ASCII"));
    assert!(with(&forged).contains("set-cookie: taut-member="));
}
