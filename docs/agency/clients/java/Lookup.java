import com.google.gson.Gson;
import com.google.gson.JsonObject;
import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.ErrorInfo;
import com.google.rpc.LocalizedMessage;
import com.google.rpc.RetryInfo;
import io.grpc.Channel;
import io.grpc.ClientInterceptors;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.MetadataUtils;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.MessageDigest;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import vn.common.v1.Common.Date;
import vn.population.v1.Population.GetPersonRequest;
import vn.population.v1.Population.Person;
import vn.population.v1.PopulationRegistryGrpc;

/** The first lookup of an agency's system. Usage: Lookup PERSON [FIELDS] */
public final class Lookup {
    private static final String SYSTEM = "H26/one-stop";
    private static final Duration DEADLINE = Duration.ofSeconds(5);
    private static final int ATTEMPTS_MAX = 3;
    private static final Duration PAUSE_MAX = Duration.ofSeconds(10);
    /** What may be asked again as it is. Everything else stays as it is until somebody has acted. */
    private static final Set<String> REPEAT = Set.of(
            "DEADLINE_PASSED",
            "GATEWAY_BUSY",
            "LEDGER_UNAVAILABLE",
            "MESSAGE_LATE",
            "PROVIDER_BROKE_OFF",
            "PROVIDER_BUSY",
            "PROVIDER_SILENT",
            "PROVIDER_UNREACHABLE",
            "RATE_EXCEEDED",
            "TOKEN_EXPIRED");
    private static final Gson GSON = new Gson();

    private final Path folder;
    private final String audience;
    private final JsonObject files;
    private final ManagedChannel channel;

    /** No answer came, and this is why. */
    private static final class Refused extends Exception {
        final Status.Code code;
        // The details of the gateway. A reason is absent where the gateway was not reached.
        String reason = "none";
        String vietnamese = "";
        String record = "none";
        Duration wait = Duration.ZERO;

        Refused(StatusRuntimeException error) throws InvalidProtocolBufferException {
            super(error.getStatus().getDescription());
            code = error.getStatus().getCode();
            for (Any detail : StatusProto.fromThrowable(error).getDetailsList()) {
                if (detail.is(ErrorInfo.class)) {
                    ErrorInfo info = detail.unpack(ErrorInfo.class);
                    if (info.getDomain().equals("motlan")) {
                        reason = info.getReason();
                        record = info.getMetadataOrDefault("record", "none");
                    }
                } else if (detail.is(LocalizedMessage.class)) {
                    vietnamese = detail.unpack(LocalizedMessage.class).getMessage();
                } else if (detail.is(RetryInfo.class)) {
                    var delay = detail.unpack(RetryInfo.class).getRetryDelay();
                    wait = Duration.ofSeconds(delay.getSeconds(), delay.getNanos());
                }
            }
        }

        boolean mayRepeat() {
            boolean unreached = reason.equals("none") && code == Status.Code.UNAVAILABLE;
            return unreached || REPEAT.contains(reason);
        }
    }

    /** An answer and the trailers that came after it. */
    private record Answer(Person person, Metadata trailers) {
        String trailer(String name) {
            return trailers.get(Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER));
        }
    }

    /** One channel serves many calls, from many threads. Keep it open. */
    private Lookup(Path folder) throws IOException {
        this.folder = folder;
        JsonObject endpoints = GSON.fromJson(Files.readString(folder.resolve("endpoints.json")), JsonObject.class);
        audience = endpoints.get("audience").getAsString();
        files = endpoints.getAsJsonObject("systems").getAsJsonObject(SYSTEM);
        var tls = GrpcSslContexts.forClient()
                .trustManager(folder.resolve(endpoints.get("ca").getAsString()).toFile())
                .keyManager(file("cert").toFile(), file("key").toFile())
                .protocols("TLSv1.3")
                .build();
        channel = NettyChannelBuilder.forTarget(endpoints.get("gateway").getAsString()).sslContext(tls).build();
    }

    private Path file(String name) {
        return folder.resolve(files.get(name).getAsString());
    }

    /** The official's statement of why, signed by this system and bound to its certificate. */
    private String token(String official, String procedure, String dossier)
            throws IOException, GeneralSecurityException {
        byte[] pem = Files.readAllBytes(file("cert"));
        byte[] certificate = CertificateFactory.getInstance("X.509")
                .generateCertificate(new ByteArrayInputStream(pem))
                .getEncoded();
        byte[] thumbprint = MessageDigest.getInstance("SHA-256").digest(certificate);
        long now = Instant.now().getEpochSecond();
        var header = Map.of("alg", "ES256", "typ", "JWT", "kid", files.get("token_kid").getAsString());
        var claims = Map.of(
                "iss", SYSTEM,
                "sub", official,
                "aud", audience,
                "iat", now,
                "exp", now + 300,
                "jti", UUID.randomUUID().toString(),
                "cnf", Map.of("x5t#S256", base64(thumbprint)),
                "purpose", Map.of("procedure", procedure, "dossier", dossier));
        String signed = base64(GSON.toJson(header).getBytes(StandardCharsets.UTF_8))
                + "." + base64(GSON.toJson(claims).getBytes(StandardCharsets.UTF_8));
        // The form of RFC 7518, not DER. `Ed25519`, and `EdDSA` above, where such a key is registered.
        Signature signature = Signature.getInstance("SHA256withECDSAinP1363Format");
        signature.initSign(tokenKey());
        signature.update(signed.getBytes(StandardCharsets.US_ASCII));
        return signed + "." + base64(signature.sign());
    }

    private PrivateKey tokenKey() throws IOException, GeneralSecurityException {
        String pem = Files.readString(file("token_key")).replaceAll("-----[A-Z ]+-----|\\s", "");
        return KeyFactory.getInstance("EC").generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(pem)));
    }

    private static String base64(byte[] raw) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(raw);
    }

    /** One attempt: a lookup of its own, with a record of its own. */
    private Answer ask(String person, String fields)
            throws IOException, GeneralSecurityException, Refused {
        var metadata = new Metadata();
        String bearer = token("canbo.0042", "1.004222", "000.00.00.H26-261122-0001");
        metadata.put(Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER), "Bearer " + bearer);
        if (!fields.isEmpty()) {
            metadata.put(Metadata.Key.of("motlan-fields", Metadata.ASCII_STRING_MARSHALLER), fields);
        }
        var trailers = new AtomicReference<Metadata>();
        Channel annotated = ClientInterceptors.intercept(
                channel,
                MetadataUtils.newAttachHeadersInterceptor(metadata),
                MetadataUtils.newCaptureMetadataInterceptor(new AtomicReference<>(), trailers));
        var registry = PopulationRegistryGrpc.newBlockingStub(annotated)
                .withDeadlineAfter(DEADLINE.toMillis(), TimeUnit.MILLISECONDS);
        try {
            Person answer = registry.getPerson(GetPersonRequest.newBuilder().setPersonalId(person).build());
            return new Answer(answer, trailers.get());
        } catch (StatusRuntimeException error) {
            throw new Refused(error);
        }
    }

    private Answer lookUp(String person, String fields) throws Exception {
        for (int attempt = 1; ; attempt++) {
            try {
                return ask(person, fields);
            } catch (Refused refused) {
                var pause = Duration.ofMillis((long) ((200 << attempt) * ThreadLocalRandom.current().nextDouble(0.5, 1)));
                pause = refused.wait.compareTo(pause) > 0 ? refused.wait : pause;
                if (!refused.mayRepeat() || attempt == ATTEMPTS_MAX || pause.compareTo(PAUSE_MAX) > 0) {
                    throw refused;
                }
                System.err.printf("attempt %d: %s, again in a moment%n", attempt, refused.code);
                Thread.sleep(pause.toMillis());
            }
        }
    }

    public static void main(String[] args) throws Exception {
        var out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        var lookup = new Lookup(Path.of(System.getenv("DIR")));
        try {
            Answer answer = lookup.lookUp(args[0], args.length > 1 ? args[1] : "");
            Person person = answer.person();
            // What was not given is not set.
            Date born = person.getDateOfBirth();
            String date = born.getYear() + "-" + born.getMonth() + "-" + born.getDay();
            out.println("name: " + person.getFullName());
            out.println("born: " + (person.hasDateOfBirth() ? date : ""));
            out.println("province: " + person.getPermanentResidence().getProvinceName());
            out.println("record: " + answer.trailer("motlan-record"));
            out.println("withheld: " + answer.trailer("motlan-withheld"));
            out.println("as of: " + answer.trailer("motlan-as-of"));
        } catch (Refused refused) {
            out.println("refused: " + refused.code + " " + refused.reason);
            out.println("message: " + refused.getMessage());
            out.println("vi: " + refused.vietnamese);
            out.println("record: " + refused.record);
            System.exit(1);
        } finally {
            lookup.channel.shutdownNow();
        }
    }
}
