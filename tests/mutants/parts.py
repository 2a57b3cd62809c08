"""Which files can be tried, and which tests belong to each."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE_ROOTS = (ROOT / "core", ROOT / "adapters")

TESTS: dict[str, tuple[str, ...]] = {
    # The longest beginning of a path counts.
    "core/dicomwire/": ("tests/vocabulary",),
    "core/dicomwire/vocabulary/context_lists.py": (
        "tests/vocabulary/test_negotiation.py",
        "tests/vocabulary/test_presentation.py",
        "tests/vocabulary/test_sop_class.py",
    ),
    "core/dicomwire/vocabulary/contexts.py": (
        "tests/vocabulary/test_as_known.py",
        "tests/vocabulary/test_entity.py",
        "tests/vocabulary/test_negotiation.py",
        "tests/vocabulary/test_presentation.py",
    ),
    "core/dicomwire/vocabulary/descriptions.py": ("tests/vocabulary/test_describe.py",),
    "core/dicomwire/vocabulary/sop_classes.py": (
        "tests/vocabulary/test_presentation.py",
        "tests/vocabulary/test_sop_class.py",
    ),
    "core/dicomwire/vocabulary/service_classes.py": (
        "tests/vocabulary/test_made_by_hand.py",
        "tests/vocabulary/test_service_classes.py",
        "tests/ae/test_own_services.py",
    ),
    "core/dicomwire/vocabulary/statuses.py": ("tests/vocabulary/test_status.py",),
    "core/dicomwire/vocabulary/titles_and_uids.py": (
        "tests/vocabulary/test_as_known.py",
        "tests/vocabulary/test_config.py",
        "tests/vocabulary/test_pdu_primitives.py",
        "tests/vocabulary/test_utils.py",
        "tests/logic/test_words.py",
    ),
    "core/dicomwire/vocabulary/tls_words.py": ("tests/logic/test_tls_words.py", "tests/logic/test_words.py"),
    "core/dicomwire/client/": ("tests/logic/test_proposals.py", "tests/logic/test_queries.py", "tests/ae/face"),
    "core/dicomwire/providing/": (
        "tests/logic/test_contexts_of_instances.py",
        "tests/logic/test_requests_made_by_hand.py",
        "tests/ae/face",
    ),
    "core/dicomwire/vocabulary/typed_status.py": ("tests/vocabulary/test_typed_status.py",),
    "core/dicomwire/upper_layer/": ("tests/upper_layer",),
    "core/dicomwire/upper_layer/connection.py": (
        "tests/upper_layer/test_buffer.py",
        "tests/upper_layer/test_connection.py",
        "tests/upper_layer/test_invalid.py",
        "tests/upper_layer/test_progress.py",
        "tests/upper_layer/test_state_table.py",
        "tests/upper_layer/test_timers.py",
        "tests/dimse/test_session.py",
    ),
    "core/dicomwire/upper_layer/deriving.py": ("tests/upper_layer/test_remembered.py",),
    "core/dicomwire/upper_layer/remembered.py": ("tests/upper_layer/test_remembered.py",),
    "core/dicomwire/upper_layer/item_fields.py": (
        "tests/upper_layer/test_items.py",
        "tests/upper_layer/test_invalid.py",
    ),
    "core/dicomwire/upper_layer/machine.py": (
        "tests/upper_layer/test_state_table.py",
        "tests/upper_layer/test_falsified_table.py",
        "tests/upper_layer/test_connection.py",
        "tests/upper_layer/test_timers.py",
    ),
    "core/dicomwire/upper_layer/p_data_reader.py": (
        "tests/upper_layer/test_connection.py",
        "tests/upper_layer/test_invalid.py",
        "tests/upper_layer/test_timers.py",
        "tests/dimse/test_fragmentation.py",
        "tests/dimse/test_session.py",
    ),
    "core/dicomwire/upper_layer/p_data_writer.py": (
        "tests/upper_layer/test_connection.py",
        "tests/upper_layer/test_invalid.py",
        "tests/upper_layer/test_timers.py",
    ),
    "core/dicomwire/upper_layer/pdu_reader.py": (
        "tests/upper_layer/test_connection.py",
        "tests/upper_layer/test_invalid.py",
        "tests/upper_layer/test_buffer.py",
        "tests/upper_layer/test_timers.py",
    ),
    "core/dicomwire/upper_layer/reasons.py": ("tests/upper_layer/test_reasons.py",),
    "core/dicomwire/upper_layer/other_protocols.py": ("tests/upper_layer/test_invalid.py",),
    "core/dicomwire/upper_layer/tap.py": ("tests/upper_layer/test_connection.py",),
    "core/dicomwire/dimse/": ("tests/dimse",),
    "core/dicomwire/dimse/accepted_contexts.py": ("tests/dimse/test_session.py",),
    "core/dicomwire/dimse/response_deadline.py": ("tests/dimse/test_session.py",),
    "core/dicomwire/dimse/session.py": (
        "tests/dimse/test_session.py",
        "tests/dimse/test_data_level_invalid.py",
        "tests/dimse/test_fragmentation.py",
    ),
    "core/dicomwire/associations/": ("tests/ae",),
    "core/dicomwire/associations/accepting.py": (
        "tests/ae/test_again.py",
        "tests/ae/test_allowed.py",
        "tests/ae/test_associate.py",
        "tests/ae/test_server_hooks.py",
        "tests/ae/test_negotiation.py",
        "tests/ae/test_options.py",
        "tests/ae/test_machinery.py",
        "tests/ae/test_notifications.py",
        "tests/ae/test_over_transports.py",
    ),
    "core/dicomwire/associations/adapter_host.py": ("tests/ae/test_members.py", "tests/ae/test_handler_kinds.py"),
    "core/dicomwire/associations/association_base.py": (
        "tests/ae/test_members.py",
        "tests/ae/test_associate.py",
        "tests/ae/test_ending.py",
        "tests/ae/test_notifications.py",
    ),
    "core/dicomwire/associations/async_association.py": (
        "tests/ae/test_machinery.py",
        "tests/ae/test_own_services.py",
        "tests/ae/test_handler_kinds.py",
    ),
    "core/dicomwire/associations/configured_contexts.py": (
        "tests/vocabulary/test_entity.py",
        "tests/ae/test_contexts_for.py",
    ),
    "core/dicomwire/associations/association_control.py": (
        "tests/logic/test_ways_to_the_end.py",
        "tests/ae/test_ending.py",
        "tests/ae/test_late_timeouts.py",
        "tests/ae/test_slow_peers.py",
    ),
    "core/dicomwire/associations/coroutines.py": ("tests/logic/test_coroutines.py",),
    "core/dicomwire/associations/ending.py": (
        "tests/logic/test_ways_to_the_end.py",
        "tests/ae/test_ending.py",
        "tests/ae/test_notifications.py",
        "tests/ae/test_late_timeouts.py",
    ),
    "core/dicomwire/associations/entity_base.py": (
        "tests/vocabulary/test_entity.py",
        "tests/ae/test_options.py",
        "tests/ae/test_associate.py",
    ),
    "core/dicomwire/associations/events.py": (
        "tests/vocabulary/test_events.py",
        "tests/vocabulary/test_made_by_hand.py",
    ),
    "core/dicomwire/associations/explanation.py": (
        "tests/logic/test_explanations.py",
        "tests/ae/test_explain.py",
    ),
    "core/dicomwire/associations/handlers.py": (
        "tests/logic/test_handler_tables.py",
        "tests/ae/test_notifications.py",
        "tests/ae/test_handler_kinds.py",
        "tests/ae/test_service_events.py",
        "tests/ae/test_members.py",
    ),
    "core/dicomwire/associations/incoming_data_sets.py": (
        "tests/logic/test_incoming_data_sets.py",
        "tests/ae/test_storing.py",
        "tests/ae/test_received_files.py",
    ),
    "core/dicomwire/associations/incoming_messages.py": (
        "tests/ae/test_own_services.py",
        "tests/ae/test_service_events.py",
        "tests/ae/test_storing.py",
        "tests/ae/test_broken_handlers.py",
    ),
    "core/dicomwire/associations/invoking.py": (
        "tests/logic/test_requests_of_ours.py",
        "tests/ae/test_find.py",
        "tests/ae/test_machinery.py",
        "tests/ae/test_window.py",
    ),
    "core/dicomwire/associations/line.py": (
        "tests/logic/test_lines.py",
        "tests/ae/test_ending.py",
        "tests/ae/test_log_records.py",
        "tests/ae/test_notifications.py",
        "tests/ae/test_window.py",
        "tests/ae/test_slow_peers.py",
        "tests/ae/test_sent_instances.py",
        "tests/ae/test_late_timeouts.py",
    ),
    "core/dicomwire/associations/negotiated_contexts.py": ("tests/logic/test_choice_of_contexts.py",),
    "core/dicomwire/associations/performing.py": (
        "tests/ae/test_own_services.py",
        "tests/ae/test_operations.py",
        "tests/ae/test_event_reports.py",
        "tests/ae/test_window.py",
    ),
    "core/dicomwire/associations/received_message.py": (
        "tests/logic/test_received_messages.py",
        "tests/vocabulary/test_events.py",
    ),
    "core/dicomwire/associations/releasing.py": ("tests/ae/test_ending.py", "tests/ae/test_late_timeouts.py"),
    "core/dicomwire/associations/request.py": (
        "tests/ae/test_find.py",
        "tests/ae/test_own_services.py",
        "tests/ae/test_broken_handlers.py",
        "tests/ae/test_service_classes.py",
        "tests/ae/test_values.py",
        "tests/ae/test_handler_kinds.py",
    ),
    "core/dicomwire/associations/requesting.py": (
        "tests/logic/test_requests_for_associations.py",
        "tests/ae/test_again.py",
        "tests/ae/test_associate.py",
        "tests/ae/test_explain.py",
        "tests/ae/test_negotiation.py",
        "tests/ae/test_options.py",
        "tests/ae/test_notifications.py",
    ),
    "core/dicomwire/associations/response_streams.py": (
        "tests/logic/test_requests_of_ours.py",
        "tests/ae/test_find.py",
        "tests/ae/test_get.py",
    ),
    "core/dicomwire/associations/running_associations.py": (
        "tests/ae/test_servers.py",
        "tests/ae/test_notifications.py",
    ),
    "core/dicomwire/associations/server_base.py": (
        "tests/logic/test_servers_by_themselves.py",
        "tests/ae/test_servers.py",
        "tests/ae/test_server_hooks.py",
        "tests/ae/test_notifications.py",
    ),
    "core/dicomwire/associations/service_user.py": (
        "tests/logic/test_descriptions_of_a_side.py",
        "tests/ae/test_service_users.py",
    ),
    "core/dicomwire/associations/serving.py": (
        "tests/logic/test_serving.py",
        "tests/ae/test_get.py",
        "tests/ae/test_own_services.py",
        "tests/ae/test_service_classes.py",
    ),
    "core/dicomwire/associations/sides.py": ("tests/logic/test_sides_of_an_association.py",),
    "core/dicomwire/associations/standing.py": ("tests/logic/test_standing.py",),
    "core/dicomwire/associations/wire_notifications.py": ("tests/ae/test_notifications.py", "tests/ae/test_members.py"),
    "core/dicomwire/associations/task_host.py": ("tests/ae/test_members.py", "tests/ae/test_handler_kinds.py"),
    "core/dicomwire/associations/user_code.py": ("tests/logic/test_user_code.py",),
    "core/dicomwire/associations/window.py": (
        "tests/logic/test_windows.py",
        "tests/ae/test_window.py",
        "tests/ae/test_event_reports.py",
    ),
    "core/dicomwire/associations/negotiation.py": (
        "tests/vocabulary/test_negotiation.py",
        "tests/ae/test_negotiation.py",
        "tests/ae/test_unanswered_roles.py",
    ),
    "core/dicomwire/operations/": (
        "tests/ae/test_arguments.py",
        "tests/ae/test_find.py",
        "tests/ae/test_get.py",
        "tests/ae/test_move.py",
        "tests/ae/test_normalized.py",
        "tests/ae/test_operations.py",
        "tests/ae/test_sent_instances.py",
        "tests/ae/test_storing.py",
        "tests/ae/test_values.py",
    ),
    "core/dicomwire/operations/query_scu.py": (
        "tests/ae/test_arguments.py",
        "tests/ae/test_find.py",
        "tests/ae/test_get.py",
        "tests/ae/test_move.py",
        "tests/ae/test_values.py",
    ),
    "core/dicomwire/operations/argument_checks.py": ("tests/logic/test_words.py", "tests/ae/test_operations.py"),
    "core/dicomwire/operations/echo_scu.py": ("tests/ae/test_operations.py",),
    "core/dicomwire/operations/normalized_scu.py": ("tests/ae/test_normalized.py", "tests/ae/test_arguments.py"),
    "core/dicomwire/operations/returned_status.py": (
        "tests/logic/test_returned_status.py",
        "tests/ae/test_arguments.py",
        "tests/ae/test_normalized.py",
    ),
    "core/dicomwire/operations/store_scu.py": (
        "tests/logic/test_storing_operations.py",
        "tests/ae/test_sent_instances.py",
        "tests/ae/test_storing.py",
    ),
    "core/dicomwire/operations/unified_steps.py": ("tests/logic/test_unified_steps.py",),
    "core/dicomwire/services/": (
        "tests/ae/test_broken_handlers.py",
        "tests/ae/test_find.py",
        "tests/ae/test_get.py",
        "tests/ae/test_handler_kinds.py",
        "tests/ae/test_move.py",
        "tests/ae/test_normalized.py",
        "tests/ae/test_operations.py",
        "tests/ae/test_service_classes.py",
        "tests/ae/test_service_events.py",
        "tests/ae/test_storing.py",
        "tests/ae/test_values.py",
    ),
    "core/dicomwire/services/bulk_data.py": ("tests/ae/test_broken_handlers.py", "tests/ae/test_get.py"),
    "core/dicomwire/services/echo_scp.py": ("tests/ae/test_operations.py",),
    "core/dicomwire/services/find_scp.py": ("tests/ae/test_broken_handlers.py", "tests/ae/test_find.py"),
    "core/dicomwire/services/get_scp.py": ("tests/ae/test_broken_handlers.py", "tests/ae/test_get.py"),
    "core/dicomwire/services/answers_in_steps.py": (
        "tests/ae/test_broken_handlers.py",
        "tests/ae/test_find.py",
        "tests/ae/test_handler_kinds.py",
    ),
    "core/dicomwire/services/given_status.py": (
        "tests/logic/test_sub_operations.py",
        "tests/ae/test_broken_handlers.py",
        "tests/ae/test_normalized.py",
        "tests/ae/test_storing.py",
        "tests/ae/test_values.py",
    ),
    "core/dicomwire/services/move_scp.py": ("tests/ae/test_move.py", "tests/ae/test_values.py"),
    "core/dicomwire/services/normalized_scp.py": ("tests/ae/test_broken_handlers.py", "tests/ae/test_normalized.py"),
    "core/dicomwire/services/store_scp.py": ("tests/logic/test_storing_services.py",),
    "core/dicomwire/services/retrieve_scp.py": (
        "tests/ae/test_broken_handlers.py",
        "tests/ae/test_get.py",
        "tests/logic/test_sub_operations.py",
    ),
    "core/dicomwire/services/sub_operations.py": (
        "tests/ae/test_broken_handlers.py",
        "tests/ae/test_get.py",
        "tests/logic/test_sub_operations.py",
    ),
    "core/dicomwire/pooling/": ("tests/ae/pool",),
    "core/dicomwire/pooling/holdings.py": ("tests/logic/test_holdings.py",),
    "core/dicomwire/retrieval/outcome.py": ("tests/logic/test_retrieval_outcome.py", "tests/ae/test_to_folder.py"),
    "core/dicomwire/retrieval/into_folder.py": ("tests/logic/test_retrievals.py", "tests/ae/test_to_folder.py"),
    "core/dicomwire/retrieval/": ("tests/ae/test_to_folder.py",),
    "core/dicomwire/data/": ("tests/logic", "tests/vocabulary"),
    "core/dicomwire/data/bytes_to_send.py": ("tests/logic/test_bytes_to_send.py",),
    "core/dicomwire/data/character_sets.py": (
        "tests/vocabulary/test_character_sets.py",
        "tests/vocabulary/test_data_set_writer.py",
    ),
    "core/dicomwire/data/data_set_beginning.py": (
        "tests/logic/test_data_set_beginning.py",
        "tests/logic/test_judged_beginnings.py",
    ),
    "core/dicomwire/data/data_set_head.py": (
        "tests/logic/test_data_set_head.py",
        "tests/logic/test_padding.py",
        "tests/logic/test_sources.py",
    ),
    "core/dicomwire/data/data_set_writer.py": (
        "tests/vocabulary/test_as_known.py",
        "tests/vocabulary/test_character_sets.py",
        "tests/vocabulary/test_data_set_writer.py",
        "tests/vocabulary/test_dsutils.py",
    ),
    "core/dicomwire/data/data_sets.py": ("tests/logic/test_padding.py", "tests/vocabulary/test_data_sets.py"),
    "core/dicomwire/data/dsutils.py": ("tests/vocabulary/test_dsutils.py",),
    "core/dicomwire/data/encodings.py": ("tests/vocabulary/test_encodings.py",),
    "core/dicomwire/data/file_meta.py": (
        "tests/logic/test_file_meta.py",
        "tests/logic/test_files.py",
        "tests/logic/test_reading_files.py",
    ),
    "core/dicomwire/data/files.py": ("tests/logic/test_files.py", "tests/ae/test_contexts_for.py"),
    "core/dicomwire/data/large_memory.py": (
        "tests/logic/test_large_memory.py",
        "tests/logic/test_sinks.py",
    ),
    "core/dicomwire/data/lazy_data_sets.py": ("tests/vocabulary/test_lazy_data_sets.py",),
    "core/dicomwire/data/memory_sink.py": ("tests/logic/test_sinks.py",),
    "core/dicomwire/data/padding.py": ("tests/logic/test_padding.py", "tests/logic/test_sources.py"),
    "core/dicomwire/data/plain_data_sets.py": (
        "tests/vocabulary/test_character_sets.py",
        "tests/vocabulary/test_lazy_data_sets.py",
        "tests/vocabulary/test_plain_data_sets.py",
    ),
    "core/dicomwire/data/reading_files.py": ("tests/logic/test_reading_files.py",),
    "core/dicomwire/data/receiving_files.py": ("tests/logic/test_receiving_files.py",),
    "core/dicomwire/data/receiving_folder.py": ("tests/logic/test_receiving_files.py",),
    "core/dicomwire/data/safe_names.py": ("tests/apps/test_safe_names.py",),
    "core/dicomwire/data/sinks.py": (
        "tests/logic/test_sinks.py",
        "tests/logic/test_store.py",
        "tests/ae/test_received_files.py",
        "tests/adapters/test_vectors.py",
    ),
    "core/dicomwire/data/sources.py": ("tests/logic/test_sources.py", "tests/ae/test_sent_instances.py"),
    "core/dicomwire/data/store.py": (
        "tests/logic/test_sinks.py",
        "tests/logic/test_store.py",
        "tests/adapters/test_vectors.py",
        "tests/ae/test_to_folder.py",
    ),
    "core/dicomwire/data/text_values.py": ("tests/vocabulary/test_text_values.py",),
    "core/dicomwire/data/unknown_vr.py": ("tests/vocabulary/test_as_known.py",),
    "adapters/dicomwire/": ("tests/adapters", "tests/ae", "tests/hosts"),
    "adapters/dicomwire/apps/": ("tests/apps",),
}

ENOUGH: dict[str, float] = {
    # Of those that are not explained, in per cent.
    "core/dicomwire/upper_layer/": 95.0,
    "core/dicomwire/dimse/": 95.0,
    "": 90.0,
}


def files(wanted: Iterable[str]) -> list[Path]:
    """The source files that some paths name, files or folders, from the root of the repository.

    Raises:
        FileNotFoundError: a path names none.
    """
    found: dict[Path, None] = {}
    for name in wanted:
        path = (ROOT / name).resolve()
        some = [path] if path.is_file() else sorted(path.rglob("*.py"))
        some = [file for file in some if any(file.is_relative_to(root) for root in SOURCE_ROOTS)]
        if not some:
            raise FileNotFoundError(f"{name}: no source file in core or adapters")
        found.update(dict.fromkeys(some))
    return list(found)


def named(path: Path) -> str:
    """The path from the root of the repository."""
    return path.relative_to(ROOT).as_posix()


def belonging_to(path: Path) -> list[str]:
    """Files and folders with the tests of a source file."""
    return list(TESTS[_longest(TESTS, named(path))])


def enough_for(path: str) -> float:
    """The per cent of its mutants that are to be found."""
    return ENOUGH[_longest(ENOUGH, path)]


def _longest(beginnings: Iterable[str], path: str) -> str:
    return max((beginning for beginning in beginnings if path.startswith(beginning)), key=len)
