import StintCore
import Testing

@testable import StintJobs

@Suite("Secrets in what a process says", .timeLimit(.minutes(5)))
struct RedactionTests {
  @Test("Secrets are shown as ***, short texts are not taken for one")
  func shown() {
    let redaction = Redaction(["sesame-open", "sesame-open-wide", "short", ""])
    #expect(redaction.applied(to: "a sesame-open-wide b sesame-opensesame-open short") == "a *** b ****** short")
    #expect(redaction.applied(to: "sesame-ope") == "sesame-ope" && redaction.applied(to: "").isEmpty)
    #expect(redaction.applied(to: "sesame-open") == "***")
    // Of two that overlap nothing is left.
    #expect(Redaction(["abcdefgh", "efghijklmn"]).applied(to: "-abcdefghijklmn-") == "-***-")
  }

  @Test(
    "A secret is found as any writer of JSON writes it",
    arguments: [
      #"Tr0ub4dor\"&3x"#, #"Tr0ub4dor"&3x"#, #"Tr0ub4dor\u0022&3x"#, #"Tr0ub4dor\"\u00263x"#,
      #"\u0054r0ub4dor\"&3x"#,
    ])
  func quoted(form: String) {
    #expect(Redaction([#"Tr0ub4dor"&3x"#]).applied(to: #"{"k": "\#(form)"}"#) == #"{"k": "***"}"#)
  }

  @Test(
    "Slashes, backslashes, line ends and other scripts in a secret are found escaped and as they are",
    arguments: [
      #"a/b\c-ü🐌"# + "\n\tend", #"a\/b\\c-ü🐌\n\tend"#, #"a/b\\c-\u00fc\ud83d\udc0c\u000a\u0009end"#,
      #"a/b\\c-\u00FC\uD83D\uDC0C\n\tend"#,
    ])
  func escaped(form: String) {
    #expect(Redaction([#"a/b\c-ü🐌"# + "\n\tend"]).applied(to: "<\(form)>") == "<***>")
  }

  @Test("Wherever a stream is cut, a secret in it is found, and nothing else is lost")
  func pieces() {
    let secrets = ["aabaabaabaac", "aabaacdd", #"quo"te/🐌!"#]
    let redaction = Redaction(secrets)
    var random = SystemRandomNumberGenerator()
    for _ in 0..<400 {
      let parts = secrets + ["aab", "a", "d", #"quo\"te\/\ud83d\udc0c!"#, #"\ud83d"#, "\\", "🐌", "xyz"]
      let text = (0..<12).map { _ in parts.randomElement(using: &random) ?? "" }.joined()
      let bytes = Array(text.utf8)
      var stream = RedactedStream(redaction)
      var told: [UInt8] = []
      var rest = bytes[...]
      while !rest.isEmpty {
        let count = Int.random(in: 1...min(20, rest.count), using: &random)
        told += stream.next(Array(rest.prefix(count)), isWhole: false)
        rest = rest.dropFirst(count)
      }
      told += stream.next([], isWhole: true)
      #expect(told == redaction.applied(to: bytes), "\(text)")
      #expect(secrets.allSatisfy { !String(decoding: told, as: UTF8.self).contains($0) }, "\(text)")
    }
  }

  @Test("No more is held back than a secret's beginning")
  func bounded() {
    var stream = RedactedStream(Redaction(["aaaaaaaa"]))
    var told = 0
    for _ in 0..<1_000 { told += stream.next([UInt8](repeating: 0x61, count: 100), isWhole: false).count }
    #expect(told == 3)
    #expect(stream.next(Array("b".utf8), isWhole: false) == Array("b".utf8))
    #expect(stream.next(Array("xaaaaaa".utf8), isWhole: false) == Array("x".utf8))
    #expect(stream.next(Array("y".utf8), isWhole: false) == Array("aaaaaay".utf8))
  }

  @Test("Each text and number within a list or an object is a secret of its own")
  func nested() {
    let texts = Redaction.texts(in: ["first-secret", ["k": "second-secret"], 12_345_678])
    let redaction = Redaction(texts)
    #expect(redaction.applied(to: "first-secret, second-secret 12345678") == "***, *** ***")
    let safe = redaction.applied(to: ["a": ["first-secret", 12_345_678, 7], "second-secret": true] as JSONValue)
    #expect(safe == ["a": ["***", "***", 7], "***": true])
  }

  @Test("A line of the events file is read before it is made safe; a checkpoint stays whole for the next attempt")
  func eventLines() throws {
    let secret = #"Tr0ub4dor"&3x"#
    let text = #"""
      {"progress": 5, "message": "Tr0ub4dor\"&3x", "result": {"r": ["Tr0ub4dor\"&3x"]},
       "checkpoint": {"c": "Tr0ub4dor\"&3x"}, "event": "e", "data": {"d": "\u0054r0ub4dor\u0022&3x"}}
      """#
    let line = try EventLine(Array(text.utf8), Redaction([secret]))
    #expect(line.progress == Progress(percent: 5, message: "***"))
    #expect(line.result == [JSONMember("r", ["***"])])
    #expect(try line.checkpoint?.parsed() == ["c": .string(secret)])
    #expect(try line.event?.parsed()["data"] == ["d": "***"] && line.event?.text.contains("Tr0") == false)
  }

  @Test("A process's own secrets stay hidden in long lines, escaped, and in lists")
  func process() async throws {
    let trial = try ProcessTrial()
    let tool = Tool(
      name: "t",
      command: [
        "sh", "-c",
        #"""
        head -c 16380 /dev/zero | tr '\0' .; printf 'split-secret-0123'; head -c 20000 /dev/zero | tr '\0' .; echo
        printf 'split-sec' >&2
        printf '%s\n' '{"result": {"pw": "quo\"te-secret"}, "checkpoint": {"pw": "quo\"te-secret"}}' > "$STINT_JOB_EVENTS"
        """#,
      ],
      params: [
        Tool.Parameter(Param("list", .array, secret: true)), Tool.Parameter(Param("pw", .string, secret: true)),
      ])
    let result = try await trial.start(
      tool.handler(trial.policy), ["list": ["split-secret-0123"], "pw": #"quo"te-secret"#]
    ).value
    #expect(result["pw"] == "***")
    #expect(trial.heard.checkpoints == [#"{"pw":"quo\"te-secret"}"#])
    let dots = trial.heard.text().split(separator: "***").map(\.count)
    #expect(dots == [16_380, 20_001], "\(dots)")
    #expect(trial.heard.text(.stderr) == "split-sec")
  }

  @Test("Bytes without a line's end are signs of life")
  func alive() async throws {
    let trial = try ProcessTrial()
    let task = try trial.start(script: "printf x; sleep 1; printf x; sleep 1")
    _ = try await task.value
    let signs = trial.heard.all.filter { if case .alive = $0 { true } else { false } }
    #expect(!signs.isEmpty && signs.count <= 2)
    #expect(trial.heard.pieces(.stdout) == ["xx"])
  }
}
