//! What a reason means, in Vietnamese, for the person at the desk.

/// A sentence for `reason`. A reason without one is a defect that a test finds.
pub(super) fn vietnamese(reason: &str) -> &'static str {
    let all = [at_the_door, by_rules, by_provider, of_own_services];
    let found = all.iter().find_map(|sentence| sentence(reason));
    found.unwrap_or("Yêu cầu không thực hiện được.")
}

/// What is turned away before it is decided.
fn at_the_door(reason: &str) -> Option<&'static str> {
    Some(match reason {
        "SYSTEM_UNREGISTERED" => "Hệ thống gọi chưa được đăng ký.",
        "CERTIFICATE_REVOKED" => "Chứng thư của kết nối này đã bị thu hồi.",
        "CERTIFICATE_EXPIRED" => "Chứng thư của kết nối này không còn hoặc chưa có hiệu lực.",
        "CERTIFICATE_UNTRUSTED" => "Chứng thư của kết nối này không còn được chấp nhận.",
        "REVOCATION_LIST_EXPIRED" => {
            "Danh sách thu hồi chứng thư của cổng đã hết hạn, xin báo đơn vị vận hành."
        }
        "TOKEN_MISSING" => "Yêu cầu thiếu mã xác thực (token).",
        "TOKEN_MALFORMED" => "Mã xác thực (token) không đúng định dạng.",
        "TOKEN_KEY_UNKNOWN" => "Khóa ký mã xác thực chưa được đăng ký cho hệ thống này.",
        "TOKEN_ALGORITHM" => "Thuật toán ký mã xác thực không đúng với khóa đã đăng ký.",
        "TOKEN_SIGNATURE" => "Chữ ký của mã xác thực không hợp lệ.",
        "TOKEN_ISSUER" => "Mã xác thực không do hệ thống đang gọi phát hành.",
        "TOKEN_AUDIENCE" => "Mã xác thực không dành cho cổng này.",
        "TOKEN_EXPIRED" => "Mã xác thực đã hết hạn.",
        "TOKEN_NOT_YET_VALID" => "Mã xác thực chưa có hiệu lực.",
        "TOKEN_TOO_LONG" => "Thời hạn của mã xác thực vượt quá 10 phút.",
        "TOKEN_OTHER_CERTIFICATE" => "Mã xác thực gắn với chứng thư khác.",
        "TOKEN_CLAIM" => "Nội dung của mã xác thực thiếu hoặc sai định dạng.",
        "CONSENT_MALFORMED" => "Văn bản đồng ý kèm theo sai định dạng.",
        "CONSENT_ISSUER" => "Văn bản đồng ý do hệ thống không có thẩm quyền ký.",
        "CONSENT_SIGNATURE" => "Chữ ký của văn bản đồng ý không hợp lệ.",
        "CONSENT_AUDIENCE" => "Văn bản đồng ý không dành cho cổng này.",
        "APPROVAL_MALFORMED" => "Văn bản phê duyệt kèm theo sai định dạng.",
        "APPROVAL_ISSUER" => "Văn bản phê duyệt không do hệ thống phê duyệt của cơ quan ký.",
        "APPROVAL_SIGNATURE" => "Chữ ký của văn bản phê duyệt không hợp lệ.",
        "APPROVAL_AUDIENCE" => "Văn bản phê duyệt không dành cho cổng này.",
        "METADATA_MALFORMED" => "Thông tin kèm theo yêu cầu sai định dạng.",
        "METHOD_UNKNOWN" => "Danh mục không có dịch vụ dữ liệu này.",
        "MESSAGE_MALFORMED" => "Bản tin yêu cầu sai định dạng hoặc quá lớn.",
        "MESSAGE_LATE" => "Bản tin yêu cầu không đến kịp thời hạn.",
        "GATEWAY_BUSY" => "Cổng đang quá tải, xin thử lại sau.",
        "LEDGER_UNAVAILABLE" => "Sổ nhật ký không ghi được nên không thể trả kết quả.",
        "LOOKUP_LOST" => "Yêu cầu kết thúc mà không có kết quả.",
        "REQUEST_MALFORMED" => "Nội dung yêu cầu không đúng với hợp đồng dữ liệu.",
        _ => return None,
    })
}

/// What agreements, and what came before, do not allow.
fn by_rules(reason: &str) -> Option<&'static str> {
    Some(match reason {
        "NO_AGREEMENT" => "Chưa có thỏa thuận chia sẻ cho dữ liệu này.",
        "GRANT_UNKNOWN" => "Không có quyền được viện dẫn trong thỏa thuận.",
        "GRANT_AMBIGUOUS" => "Nhiều quyền cùng phù hợp, xin nêu rõ một quyền.",
        "SYSTEM_SUSPENDED" => "Hệ thống gọi đang bị tạm dừng.",
        "SYSTEM_NOT_NAMED" => "Thỏa thuận không nêu hệ thống đang gọi.",
        "AGREEMENT_NOT_IN_FORCE" => "Thỏa thuận chưa có hoặc đã hết hiệu lực.",
        "PURPOSE_NOT_COVERED" => "Thỏa thuận không bao gồm thủ tục này.",
        "DOSSIER_REQUIRED" => "Thỏa thuận yêu cầu nêu mã hồ sơ đang giải quyết.",
        "BREAK_GLASS_ONLY" => "Quyền này chỉ dùng trong trường hợp khẩn cấp.",
        "NOT_FOR_EMERGENCIES" => "Quyền này không dành cho trường hợp khẩn cấp.",
        "OFFICIAL_NOT_NAMED" => "Thỏa thuận không cho cán bộ này khai báo khẩn cấp.",
        "CONSENT_REQUIRED" => "Thỏa thuận yêu cầu có sự đồng ý của người có thông tin.",
        "APPROVALS_REQUIRED" => "Thỏa thuận yêu cầu thêm người phê duyệt.",
        "SECRET_NEEDS_TWO" => "Thông tin mật yêu cầu hai người phê duyệt.",
        "FIELD_NOT_CONSENTED" => "Có trường thông tin mà người liên quan chưa đồng ý chia sẻ.",
        "EMERGENCY_OVER" => "Trường hợp khẩn cấp này đã hết thời hạn.",
        "GRANT_SUSPENDED" => "Quyền này bị tạm dừng vì có lần sử dụng chưa được xem xét.",
        "REVIEWS_PENDING" => "Quá nhiều lần sử dụng quyền này còn chờ được xem xét.",
        "OBLIGATION_FAILED" => "Không thực hiện được nghĩa vụ kèm theo quyền nên từ chối.",
        "OUTSIDE_HOURS" => "Thỏa thuận không cho phép tra cứu vào ngày, giờ này.",
        reason if reason.starts_with("OWNER_") => {
            "Quy tắc riêng của cơ quan quản lý dữ liệu không cho phép."
        }
        "FIELD_NOT_GRANTED" => "Có trường thông tin chưa được phép chia sẻ.",
        "FIELD_UNKNOWN" => "Kết quả không có trường thông tin được yêu cầu.",
        "TOO_MANY_FIELDS" => "Yêu cầu quá nhiều trường thông tin.",
        "POLICY_UNDECIDABLE" => "Không đánh giá được quy tắc chia sẻ nên từ chối.",
        "QUOTA_EXCEEDED" => "Đã dùng hết số lượt tra cứu được phép trong ngày.",
        "RATE_EXCEEDED" => "Tra cứu quá nhanh, xin thử lại sau ít phút.",
        "LIMITS_FULL" => "Cổng không đếm thêm được lượt tra cứu, xin thử lại sau.",
        _ => return None,
    })
}

/// What came of it at the provider's.
fn by_provider(reason: &str) -> Option<&'static str> {
    Some(match reason {
        "SUBJECT_NOT_FOUND" => "Cơ sở dữ liệu không có thông tin này.",
        "PROVIDER_UNREACHABLE" => "Không kết nối được với cơ quan quản lý dữ liệu.",
        "DEADLINE_PASSED" => "Hết thời hạn trước khi hỏi được cơ quan quản lý dữ liệu.",
        "PROVIDER_SILENT" => "Cơ quan quản lý dữ liệu không trả lời kịp thời.",
        "PROVIDER_FAILED" => "Hệ thống của cơ quan quản lý dữ liệu báo lỗi.",
        "PROVIDER_BROKE_OFF" => "Hệ thống của cơ quan quản lý dữ liệu ngắt giữa chừng.",
        "PROVIDER_MALFORMED" => "Kết quả của cơ quan quản lý dữ liệu sai định dạng.",
        "PROVIDER_OVERSIZED" => "Kết quả của cơ quan quản lý dữ liệu vượt quá giới hạn.",
        "PROVIDER_BUSY" => "Quá nhiều yêu cầu đang chờ cơ quan quản lý dữ liệu.",
        _ => return None,
    })
}

/// What the gateway's own services do not do.
fn of_own_services(reason: &str) -> Option<&'static str> {
    Some(match reason {
        "RECORD_NOT_FOUND" => "Không có bản ghi này.",
        "ROLE_NOT_HELD" => "Hệ thống gọi không có vai trò cần thiết.",
        "QUARTER_NOT_FOUND" => "Không có sổ nhật ký của quý này.",
        "HOLD_NOT_FOUND" => "Không có lệnh tạm giữ này.",
        "HOLD_ENDED" => "Lệnh tạm giữ này đã hết hiệu lực.",
        "TOO_MANY_HOLDS" => "Đã có quá nhiều lệnh tạm giữ.",
        "GROUND_PERSONAL" => "Căn cứ được công khai nên không được nêu tên người hoặc hồ sơ.",
        "RECORDS_HELD" => "Có bản ghi đang được tạm giữ nên chưa thể xóa.",
        "STATE_ABSENT" => "Cổng này không lưu trạng thái vì không thỏa thuận nào cần đến.",
        "STATE_UNAVAILABLE" => "Không dùng được tệp trạng thái của cổng.",
        "REVIEW_NOT_FOUND" => "Cơ quan này không có vụ việc cần xem xét với số này.",
        "EMERGENCY_NOT_OVER" => "Trường hợp khẩn cấp chưa kết thúc nên chưa thể xem xét xong.",
        "REVIEW_TOO_EARLY" => "Còn lần tra cứu chưa kết thúc nên chưa thể xem xét xong.",
        "NOTICE_NOT_FOUND" => "Không có thông báo nào về bản ghi này.",
        "DATASET_NOT_OWNED" => "Cơ quan này không quản lý bộ dữ liệu nào có tên như vậy.",
        "CORRECTION_NOT_FOUND" => "Cơ quan này không có yêu cầu đính chính nào với số này.",
        "CORRECTIONS_FULL" => {
            "Cơ quan quản lý dữ liệu còn quá nhiều yêu cầu đính chính chưa xử lý."
        }
        "REPORT_TOO_LARGE" => "Khoảng thời gian có quá nhiều dữ liệu để thống kê một lần.",
        "ERASURE_INCOMPLETE" => "Việc xóa đã được ghi nhận nhưng chưa hoàn tất.",
        "INDEX_BEHIND" => "Chỉ mục chưa theo kịp sổ nhật ký, xin thử lại sau.",
        "INDEX_UNAVAILABLE" => "Không dùng được chỉ mục của sổ nhật ký.",
        "LAW_ABSENT" => "Danh mục chưa có quy định về giấy tờ được thay thế.",
        "LAW_NOT_IN_FORCE" => "Quy định về giấy tờ được thay thế không có hiệu lực hôm nay.",
        "GRANT_NOT_CITED" => "Có quyền khác phù hợp, xin viện dẫn quyền đó.",
        "PROCEDURE_EDITION" => "Thỏa thuận nêu mã thủ tục khác, xin dùng mã đó.",
        "OTHER_SYSTEM" => "Cơ quan được tra cứu qua hệ thống khác của mình, xin dùng hệ thống đó.",
        "OTHER_HOUR" => "Quy tắc của cơ quan quản lý dữ liệu không cho phép vào giờ này.",
        "EVIDENCE_TOO_LARGE" => "Kết quả quá lớn, xin tra cứu riêng giấy tờ này.",
        "GROUND_UNSIGNED" => "Không ký được căn cứ yêu cầu nộp giấy tờ nên chưa thể yêu cầu.",
        "CALL_LOST" => "Yêu cầu kết thúc mà không có kết quả; xin thử lại.",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::vietnamese;

    /// Where reasons are given.
    const SOURCES: [&str; 23] = [
        include_str!("wire_error.rs"),
        include_str!("service.rs"),
        include_str!("../control/receipts.rs"),
        include_str!("../control/once/attempt.rs"),
        include_str!("../control/once/collect.rs"),
        include_str!("../control/once/plan.rs"),
        include_str!("../control/once/request.rs"),
        include_str!("../control/once/way.rs"),
        include_str!("../control/audit/agreements.rs"),
        include_str!("../control/audit/corrections.rs"),
        include_str!("../control/audit/erase.rs"),
        include_str!("../control/audit/failure.rs"),
        include_str!("../control/audit/hold.rs"),
        include_str!("../control/audit/look.rs"),
        include_str!("../control/audit/report.rs"),
        include_str!("../control/audit/trail.rs"),
        include_str!("../identity/artefact.rs"),
        include_str!("../identity/token.rs"),
        include_str!("../../../policy/src/refusal.rs"),
        include_str!("../../../exchange/src/duties.rs"),
        include_str!("../../../exchange/src/limits.rs"),
        include_str!("../../../exchange/src/outcome.rs"),
        include_str!("../../../exchange/src/provider.rs"),
    ];

    fn reasons() -> impl Iterator<Item = &'static str> {
        let is_reason = |text: &&str| {
            text.contains('_') && text.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
        };
        SOURCES
            .iter()
            .flat_map(move |source| source.split('"').filter(is_reason))
    }

    #[test]
    fn every_reason_has_a_sentence_of_its_own() {
        assert!(reasons().count() > 30);
        for reason in reasons() {
            assert_ne!(vietnamese(reason), vietnamese("NO_SUCH_REASON"), "{reason}");
        }
    }
}
