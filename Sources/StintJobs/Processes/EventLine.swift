import StintCore

/// One line of the events file: what a process tells of its job.
struct EventLine {
  /// How far it is.
  var progress: Progress?
  /// The job's result.
  var result: [JSONMember]?
  /// Something to keep for the next attempt: whole, for only the program gets it.
  var checkpoint: RawJSON?
  /// The whole line, where it names an event.
  var event: RawJSON?

  /// Why a line means nothing.
  struct Fault: Error, Hashable {
    let reason: String
  }

  /// What the bytes say, with `***` for secrets in all that is shown.
  init(_ bytes: [UInt8], _ redaction: Redaction = Redaction()) throws(Fault) {
    let given: JSONValue
    do throws(JSONSyntaxError) { given = try JSONParser.parse(bytes) } catch {
      throw Fault(reason: "it is no JSON: \(error)")
    }
    // Value by value: in the text a secret may be written in many ways, and what replaces it must leave JSON behind.
    let json = JSONValue.object(
      (given.object ?? []).map { JSONMember($0.key, redaction.applied(to: $0.value)) })
    guard given.object != nil else { throw Fault(reason: "it is \(given.kind), expected an object") }
    func object(_ key: String) throws(Fault) -> [JSONMember]? {
      guard let value = json[key] else { return nil }
      guard let members = value.object else { throw Fault(reason: "\(key) is \(value.kind), expected an object") }
      return members
    }
    result = try object("result")
    checkpoint = try object("checkpoint").flatMap { _ in given["checkpoint"].map(RawJSON.init) }
    if let value = json["progress"] {
      guard let percent = value.number ?? given["progress"]?.number else {
        throw Fault(reason: "progress is \(value.kind), expected a number")
      }
      let message = json["message"]
      guard message == nil || message == .null || message?.string != nil else {
        throw Fault(reason: "message is \(message?.kind ?? ""), expected a string")
      }
      progress = Progress(percent: percent, message: message?.string)
    }
    if let value = json["event"] {
      guard value.string != nil else { throw Fault(reason: "event is \(value.kind), expected a string") }
      event = RawJSON(redaction.applied(to: json))
    }
    guard result != nil || checkpoint != nil || progress != nil || event != nil else {
      throw Fault(reason: "it has none of progress, result, event and checkpoint")
    }
  }
}
