"""Which tables public pages show. A change of one of them makes every finished page an old one, so
each new table has to be placed here (a test asks for it)."""

from typing import Final


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


SHOWN: Final = _names(
    """
    appointment banner car_model dealership department document document_revision document_tag
    image_consent keyword landing_page landing_revision legal_text make media_item menu_entry
    opening_interval page_text photo price_change special_day store stock_version testimonial
    trim vehicle vehicle_provenance waiting_place
    """
)
HIDDEN: Final = _names(
    """
    absence advertiser api_token audit_entry bulk_change bulk_item cadence_run cadence_step
    car_hold catch_up commission_doubt commission_month commission_rule commission_statement
    company consent contact_basis contact_click contact_import contact_import_row delivery
    enquiry erased_key export_file exposure fact_change feed_pull goal identity_version
    import_layout job landing_draft landing_visit lead lead_event listing listing_event mail
    message_template notice notice_cursor notice_wishes outreach_entry outreach_event
    outreach_list outreach_round outreach_touch passkey person person_key person_merge
    photo_upload portal_account portal_term portal_term_list possible_duplicate presence
    public_check public_round push_device push_key quality_rules quality_sample queue_rules
    redirect referral refused_post removed_photo saved_filter search_notice shift shopper_door
    shopper_plan shopper_round site_version staff staff_invitation staff_role staff_session
    staff_store staff_tries state_change sticker sticker_scan stock_import stop_entry stop_key
    stopped_send subject_request submission subscription term_match testimonial_invitation
    timetable vehicle_visit webhook_delivery webhook_endpoint work_profile worker_heartbeat
    """
)
# Among the hidden ones, what a page does show, and may show up to a minute late: how long leads
# waited for an answer is a median of thirty days, and grows with every lead.
LATE: Final = _names("lead")
