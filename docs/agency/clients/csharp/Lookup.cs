// The first lookup of an agency's system. Usage: Lookup PERSON [FIELDS]
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using System.Text.RegularExpressions;
using Google.Rpc;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using Vn.Population.V1;

using var client = new Client(Environment.GetEnvironmentVariable("DIR")!);
try
{
    var (person, trailers) = await client.LookUp(args[0], args.Length > 1 ? args[1] : null);
    // What was not given is not set.
    var born = person.DateOfBirth;
    Console.WriteLine($"name: {person.FullName}");
    Console.WriteLine($"born: {(born is null ? "" : $"{born.Year}-{born.Month}-{born.Day}")}");
    Console.WriteLine($"province: {person.PermanentResidence?.ProvinceName}");
    Console.WriteLine($"record: {trailers.GetValue("motlan-record")}");
    Console.WriteLine($"withheld: {trailers.GetValue("motlan-withheld")}");
    Console.WriteLine($"as of: {trailers.GetValue("motlan-as-of")}");
    return 0;
}
catch (Refused refused)
{
    Console.WriteLine($"refused: {refused.Status} {refused.Reason}");
    Console.WriteLine($"message: {refused.Message}");
    Console.WriteLine($"vi: {refused.Vietnamese}");
    Console.WriteLine($"record: {refused.Record}");
    return 1;
}

/// <summary>No answer came, and this is why.</summary>
internal sealed class Refused : Exception
{
    // What may be asked again as it is. Everything else stays as it is until somebody has acted.
    private static readonly HashSet<string> Repeat =
    [
        "DEADLINE_PASSED",
        "GATEWAY_BUSY",
        "LEDGER_UNAVAILABLE",
        "MESSAGE_LATE",
        "PROVIDER_BROKE_OFF",
        "PROVIDER_BUSY",
        "PROVIDER_SILENT",
        "PROVIDER_UNREACHABLE",
        "RATE_EXCEEDED",
        "TOKEN_EXPIRED",
    ];

    public Refused(RpcException error) : base(error.Status.Detail)
    {
        // As the specification of gRPC spells it.
        Status = Regex.Replace(error.StatusCode.ToString(), "(?<!^)([A-Z])", "_$1").ToUpperInvariant();
        // The details of the gateway. A reason is absent where the gateway was not reached.
        var details = error.GetRpcStatus();
        var info = details?.GetDetail<ErrorInfo>();
        if (info?.Domain == "motlan")
        {
            Reason = info.Reason;
            Record = info.Metadata.TryGetValue("record", out var record) ? record : "none";
        }
        Vietnamese = details?.GetDetail<LocalizedMessage>()?.Message ?? "";
        Wait = details?.GetDetail<RetryInfo>()?.RetryDelay?.ToTimeSpan() ?? TimeSpan.Zero;
    }

    public string Status { get; }
    public string Reason { get; } = "none";
    public string Record { get; } = "none";
    public string Vietnamese { get; }
    public TimeSpan Wait { get; }
    public bool MayRepeat => Repeat.Contains(Reason) || (Reason == "none" && Status == "UNAVAILABLE");
}

/// <summary>An agency's system with one connection to the gateway. It serves many calls: keep it.</summary>
internal sealed class Client : IDisposable
{
    private const string SystemId = "H26/one-stop";
    private const int AttemptsMax = 3;
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan PauseMax = TimeSpan.FromSeconds(10);

    private readonly string audience;
    private readonly X509Certificate2 certificate;
    private readonly SigningCredentials tokenKey;
    private readonly GrpcChannel channel;
    private readonly PopulationRegistry.PopulationRegistryClient registry;

    public Client(string folder)
    {
        using var endpoints = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "endpoints.json")));
        var root = endpoints.RootElement;
        var files = root.GetProperty("systems").GetProperty(SystemId);
        string Named(JsonElement table, string name) => Path.Combine(folder, table.GetProperty(name).GetString()!);

        audience = root.GetProperty("audience").GetString()!;
        // On Windows, take it by way of PKCS #12: there TLS does not use a key that is in memory only.
        certificate = X509Certificate2.CreateFromPemFile(Named(files, "cert"), Named(files, "key"));
        // `ES256`. These libraries have no EdDSA; register a P-256 key.
        var key = ECDsa.Create();
        key.ImportFromPem(File.ReadAllText(Named(files, "token_key")));
        var named = new ECDsaSecurityKey(key) { KeyId = files.GetProperty("token_kid").GetString() };
        tokenKey = new SigningCredentials(named, SecurityAlgorithms.EcdsaSha256);

        var authorities = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
        };
        authorities.CustomTrustStore.ImportFromPemFile(Named(root, "ca"));
        var handler = new SocketsHttpHandler
        {
            SslOptions = new SslClientAuthenticationOptions
            {
                ClientCertificates = [certificate],
                EnabledSslProtocols = SslProtocols.Tls13,
                CertificateChainPolicy = authorities,
            },
        };
        var gateway = $"https://{root.GetProperty("gateway").GetString()}";
        channel = GrpcChannel.ForAddress(gateway, new GrpcChannelOptions { HttpHandler = handler });
        registry = new PopulationRegistry.PopulationRegistryClient(channel);
    }

    public void Dispose() => channel.Dispose();

    /// <summary>The official's statement of why, signed by this system and bound to its certificate.</summary>
    private string Token(string official, string procedure, string dossier)
    {
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        var thumbprint = SHA256.HashData(certificate.RawData);
        var claims = new Dictionary<string, object>
        {
            ["iss"] = SystemId,
            ["sub"] = official,
            ["aud"] = audience,
            ["iat"] = now,
            ["exp"] = now + 300,
            ["jti"] = Guid.NewGuid().ToString(),
            ["cnf"] = new Dictionary<string, string> { ["x5t#S256"] = Base64UrlEncoder.Encode(thumbprint) },
            ["purpose"] = new Dictionary<string, string> { ["procedure"] = procedure, ["dossier"] = dossier },
        };
        return new JsonWebTokenHandler().CreateToken(JsonSerializer.Serialize(claims), tokenKey);
    }

    /// <summary>One attempt: a lookup of its own, with a record of its own.</summary>
    private async Task<(Person, Metadata)> Ask(string person, string? fields)
    {
        var token = Token("canbo.0042", "1.004222", "000.00.00.H26-261122-0001");
        var metadata = new Metadata { { "authorization", $"Bearer {token}" } };
        if (fields is not null)
        {
            metadata.Add("motlan-fields", fields);
        }
        var request = new GetPersonRequest { PersonalId = person };
        try
        {
            using var call = registry.GetPersonAsync(request, metadata, DateTime.UtcNow + Deadline);
            var answer = await call.ResponseAsync;
            return (answer, call.GetTrailers());
        }
        catch (RpcException error)
        {
            throw new Refused(error);
        }
    }

    /// <summary>The person and the trailers, or a refusal.</summary>
    public async Task<(Person, Metadata)> LookUp(string person, string? fields)
    {
        for (var attempt = 1; ; attempt++)
        {
            TimeSpan pause;
            try
            {
                return await Ask(person, fields);
            }
            catch (Refused refused)
            {
                pause = TimeSpan.FromMilliseconds((200 << attempt) * (0.5 + Random.Shared.NextDouble() / 2));
                pause = refused.Wait > pause ? refused.Wait : pause;
                if (!refused.MayRepeat || attempt == AttemptsMax || pause > PauseMax)
                {
                    throw;
                }
                Console.Error.WriteLine($"attempt {attempt}: {refused.Status}, again in a moment");
            }
            await Task.Delay(pause);
        }
    }
}
