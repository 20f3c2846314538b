/// What is too much (SPEC §15). Every limit has a clear error, and can be set.
public struct Limits: Sendable, Hashable {
  /// Bytes of one job's params.
  public var paramsBytes = 1 << 20
  /// Bytes of one job's result.
  public var resultBytes = 1 << 20
  /// Bytes of a request's body.
  public var bodyBytes = 16 << 20
  /// Bytes of one attempt's output; what is more is cut.
  public var outputBytes = 10 << 20
  /// Jobs in one submission.
  public var batchJobs = 10_000
  /// Levels of nesting in JSON.
  public var jsonDepth = 64
  /// Tags of one job.
  public var tags = 32
  /// Characters of a tag's key or value.
  public var tagCharacters = 256
  /// Bytes of one job's metadata.
  public var metadataBytes = 64 << 10
  /// Open Server-Sent Events streams.
  public var streams = 256
  /// Open WebSockets.
  public var sockets = 256
  /// Commands within a second over one WebSocket.
  public var socketCommandsPerSecond = 50
  /// Bytes of one message from a WebSocket's client.
  public var socketMessageBytes = 1 << 20
  /// Bytes of params or result up to which lists and events carry them.
  public var inlineBytes = 4 << 10

  /// The defaults of SPEC §15.
  public init() {}
}
