"""The guard itself: each of the faults that fail a test does fail one."""

FAULTS = [
    ("console.error('something is wrong')", "something is wrong"),
    ("setTimeout(() => { throw new Error('nobody caught this') })", "nobody caught this"),
    ("void Promise.reject(new Error('nor this'))", "nor this"),
    ("document.body.insertAdjacentHTML('beforeend', '<b style=\"color: red\">x</b>')", "policy: style-src-attr"),
    ("document.body.insertAdjacentHTML('beforeend', '<b id=b onclick=\"x()\">x</b>'); document.querySelector('#b').click()",
     "policy: script-src-attr"),
    ("const s = document.createElement('script'); s.textContent = '1'; document.body.append(s)", "policy: script-src-elem"),
    ("const s = document.createElement('script'); s.src = 'http://cdn.example/x.js'; document.body.append(s)", "cdn.example"),
    ("const i = document.createElement('img'); i.src = 'data:image/gif;base64,R0lGODlhAQABAAAAACw='; document.body.append(i)",
     "policy: img-src"),
    ("eval('1')", "policy: script-src"),
    ("void fetch('http://elsewhere.example/').catch(() => 0)", "elsewhere.example"),
    ("void fetch('/api/jobs/none-such')", "404"),
]


def test_each_fault_is_seen(live, subtests):
    for fault, words in FAULTS:
        with subtests.test(fault):
            live.page.evaluate(f"() => {{ try {{ {fault} }} catch (error) {{ if (!(error instanceof EvalError)) throw error; }} }}")
            for _ in range(600):  # messages of the page arrive while it is asked something
                if any(words in seen for seen in live.guard.faults):
                    break
                live.page.evaluate("() => new Promise(requestAnimationFrame)")
            else:
                raise AssertionError(f"{words} is not among {live.guard.faults}")
    live.guard.tolerate("")  # one fault may bring several messages
    live.guard.faults.clear()
